import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { ifPresent } from './problem.ts';

/**
 * One open segment: bytes up to `size` are whole lines; whatever a failed write left behind that is cut off before the
 * next one.
 */
export class Segment {
  readonly number: number;
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly #handle: FileHandle;
  readonly #inode: string;
  #size: number;
  #torn = false;
  #unsynced = false;
  #syncFailed = false;
  #syncing: Promise<void> | null = null;

  private constructor(place: { number: number; path: string }, handle: FileHandle, found: Found) {
    this.number = place.number;
    this.path = place.path;
    this.createdAt = found.createdAt;
    this.#handle = handle;
    this.#inode = found.inode;
    this.#size = found.size;
  }

  /** Makes a new file, which must not exist, or opens one to continue it. */
  static async open(place: { number: number; path: string }, how: 'new' | 'continue'): Promise<Segment> {
    const handle = await open(place.path, how === 'new' ? 'wx+' : 'r+');
    try {
      const { dev, ino, size, birthtimeMs, ctimeMs } = await handle.stat();
      const found = { inode: `${dev}/${ino}`, size, createdAt: birthtimeMs > 0 ? birthtimeMs : ctimeMs };
      return new Segment(place, handle, found);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the file under this name is still the one we left, and mends what a failed write left in it. */
  async isIntact(): Promise<boolean> {
    const now = await ifPresent(stat(this.path));
    if (now === null || `${now.dev}/${now.ino}` !== this.#inode) return false;
    if (this.#torn) {
      await this.#handle.truncate(this.#size);
      this.#torn = false;
      return true;
    }
    return now.size === this.#size;
  }

  /** Appends whole lines; `durable` waits until the disk has them. Throws what the system said, with the file as before. */
  async append(pieces: readonly Buffer[], durable: boolean): Promise<void> {
    // A sync that failed in the background says that confirmed bytes may be lost: that must come to light.
    if (this.#syncFailed) await this.sync();
    let bytes = 0;
    try {
      for (const piece of pieces) {
        await this.#writeAll(piece, this.#size + bytes);
        bytes += piece.length;
      }
      if (durable) await this.#handle.datasync();
    } catch (error) {
      await this.#cutBack();
      throw error;
    }
    this.#size += bytes;
    this.#unsynced = !durable;
  }

  /** Waits until the disk has everything written so far; also called by a timer, while appends go on. */
  async sync(): Promise<void> {
    while (this.#syncing !== null) await this.#syncing.catch(() => {});
    if (!this.#unsynced) return;
    this.#syncing = this.#sync();
    try {
      await this.#syncing;
    } finally {
      this.#syncing = null;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #sync(): Promise<void> {
    this.#unsynced = false;
    try {
      await this.#handle.datasync();
      this.#syncFailed = false;
    } catch (error) {
      this.#unsynced = true;
      this.#syncFailed = true;
      throw error;
    }
  }

  /** A write may take less than it was given, without an error (a disk that gets full, a size limit). */
  async #writeAll(bytes: Buffer, at: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
  }

  async #cutBack(): Promise<void> {
    this.#torn = true;
    try {
      await this.#handle.truncate(this.#size);
      this.#torn = false;
    } catch {
      // Stays torn: `isIntact` tries again before the next write, and the repair at the next start after a crash.
    }
  }
}

interface Found {
  readonly inode: string;
  readonly size: number;
  readonly createdAt: number;
}
