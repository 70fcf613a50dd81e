import { codeOf, messageOf } from '../../core/errors.ts';
import type { Retention } from './folder.ts';
import { expired, listSegments, makeFolder, remove, segmentPath, syncFolder } from './folder.ts';
import { FolderLock } from './lock.ts';
import { cutTornLine } from './repair.ts';
import { Segment } from './segment.ts';

export interface StoreOptions extends Retention {
  readonly dir: string;
  readonly segmentBytes: number;
  /** Milliseconds. */
  readonly segmentAge: number;
  readonly fsync: 'always' | 'interval' | 'never';
}

/** Told about what was mended or had to be left. */
export type Note = (code: string, message: string) => void;

/** The folder of segments: which one is written now, when the next begins, which old ones go. Errors are the system's. */
export class SegmentStore {
  readonly #options: StoreOptions;
  readonly #note: Note;
  readonly #lock: FolderLock;
  #current: Segment | null = null;
  /** Never given out again, also when the segment was deleted under us: readers know segments by number. */
  #lastNumber = 0;

  constructor(options: StoreOptions, note: Note) {
    this.#options = options;
    this.#note = note;
    this.#lock = new FolderLock(options.dir);
  }

  /** Makes and locks the folder, repairs the newest segment and continues it. Again after a failure. */
  async open(): Promise<void> {
    await this.#take();
    const newest = (await listSegments(this.#options.dir)).at(-1);
    if (newest === undefined) {
      await this.#begin();
      return;
    }
    const cut = await cutTornLine(newest.path);
    if (cut > 0) this.#note('TORN_LINE', `cut ${cut} bytes of an unfinished line from the end of ${newest.path}`);
    this.#lastNumber = newest.number;
    this.#current = await Segment.open(newest, 'continue');
    await this.#retain();
  }

  /** The segment that takes a batch of so many bytes now: whole, or nothing. */
  async segmentFor(bytes: number): Promise<Segment> {
    const segment = await this.#usable();
    if (!this.#isFull(segment, bytes)) return segment;
    if (this.#options.fsync !== 'never') await segment.sync();
    return this.#begin();
  }

  /** Bytes that still fit into a segment. */
  room(segment: Segment): number {
    return this.#options.segmentBytes - segment.size;
  }

  async sync(): Promise<void> {
    await this.#current?.sync();
  }

  async close(): Promise<void> {
    const segment = this.#current;
    this.#current = null;
    try {
      if (this.#options.fsync !== 'never') await segment?.sync();
    } finally {
      await segment?.close();
      await this.#lock.release();
    }
  }

  async #take(): Promise<void> {
    await this.#abandon();
    await makeFolder(this.#options.dir);
    await this.#lock.acquire();
  }

  /** The current segment, or a new one where the folder, the lock or the file is no longer what we left. */
  async #usable(): Promise<Segment> {
    const segment = this.#current;
    if (segment !== null && (await this.#lock.isHeld()) && (await segment.isIntact())) return segment;
    if (segment !== null) this.#note('SEGMENT_LOST', `${segment.path} was removed or changed by someone else`);
    await this.#take();
    return this.#begin();
  }

  #isFull(segment: Segment, bytes: number): boolean {
    if (segment.size === 0) return false;
    return bytes > this.room(segment) || Date.now() - segment.createdAt >= this.#options.segmentAge;
  }

  async #begin(): Promise<Segment> {
    const { dir, fsync } = this.#options;
    const newest = (await listSegments(dir)).at(-1);
    const number = Math.max(this.#lastNumber, newest?.number ?? 0) + 1;
    const next = await Segment.open({ number, path: segmentPath(dir, number) }, 'new');
    await this.#abandon();
    this.#lastNumber = number;
    this.#current = next;
    if (fsync !== 'never') await syncFolder(dir);
    await this.#retain();
    return next;
  }

  async #abandon(): Promise<void> {
    const segment = this.#current;
    this.#current = null;
    await segment?.close();
  }

  async #retain(): Promise<void> {
    const segments = await listSegments(this.#options.dir);
    for (const { path, error } of await remove(expired(segments, this.#options, Date.now()))) {
      this.#note(codeOf(error) ?? 'UNKNOWN', `cannot delete the old segment ${path}: ${messageOf(error)}`);
    }
  }
}
