import { BridgeError, codeOf, messageOf } from '../core/errors.ts';
import type { Frame } from '../core/frame.ts';
import { bytesOf } from '../core/frame.ts';
import { CaptureEncoder } from './encoder.ts';
import type { CaptureFile } from './file.ts';
import type { CaptureMeta, CaptureTotals, EndReason } from './meta.ts';

export interface CaptureLimits {
  /** Frames at most. */
  readonly frames: number;
  /** Bytes of the file at most, its end included. */
  readonly bytes: number;
}

/** Records of one or two that wait to be written, with what they add to the totals. */
interface Pending {
  readonly bytes: Buffer;
  readonly frame: { readonly bytes: number; readonly at: number };
}

/** Bytes that may wait for the disk before whoever receives has to. */
const maxPending = 8_388_608;
/** Bytes of one write. */
const maxWrite = 1_048_576;
/** More than a frame takes beside its parts, its origin and the end of the capture with it. */
const overheadBytes = 2_048;

/** Writes a capture. What it has taken is written as soon as the disk takes it, whole records at a time. */
export class CaptureWriter {
  readonly #path: string;
  readonly #file: CaptureFile;
  readonly #limits: CaptureLimits;
  readonly #encoder = new CaptureEncoder();
  readonly #waiting: Pending[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | null = null;
  #failure: BridgeError | null = null;
  /** Of the file, as far as it was written. */
  #position = 0;
  #taken = 0;
  #isTooLong = false;
  #totals = { frames: 0, bytes: 0, firstAt: null as number | null, lastAt: null as number | null };

  private constructor(path: string, file: CaptureFile, limits: CaptureLimits) {
    this.#path = path;
    this.#file = file;
    this.#limits = limits;
  }

  /** Begins the capture. */
  static async begin(
    path: string,
    file: CaptureFile,
    meta: CaptureMeta,
    limits: Partial<CaptureLimits> = {},
  ): Promise<CaptureWriter> {
    const { frames = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY } = limits;
    const writer = new CaptureWriter(path, file, { frames, bytes });
    try {
      await writer.#writeAll(writer.#encoder.begin(meta));
    } catch (error) {
      await file.close();
      throw writer.#failed(error);
    }
    return writer;
  }

  /** Frames it has taken, and what the file will be long with them. */
  get frames(): number {
    return this.#taken;
  }

  /** The limit that no further frame is taken for; null where there is none yet. */
  get full(): 'count' | 'max-bytes' | null {
    if (this.#isTooLong) return 'max-bytes';
    return this.#taken >= this.#limits.frames ? 'count' : null;
  }

  get fileBytes(): number {
    return this.#position + this.#waitingBytes;
  }

  /**
   * Copies the frames at once, as many as the limits allow; gives how many. Resolves when there is room for more; rejects
   * with a `BridgeError` once the file cannot be written. Calls may overlap: frames are taken in the order of the calls.
   */
  async add(frames: readonly Frame[]): Promise<number> {
    let taken = 0;
    for (const frame of frames) {
      if (this.#failure !== null) throw this.#failure;
      if (!this.#take(frame)) break;
      taken += 1;
    }
    this.#writing ??= this.#waiting.length > 0 ? this.#writeWaiting() : null;
    while (this.#waitingBytes > maxPending && this.#failure === null) await this.#writing;
    if (this.#failure !== null) throw this.#failure;
    return taken;
  }

  /**
   * Writes what waits and the end, and gives what is in the file. Rejects where the disk refuses: then the file ends with
   * its last whole record. Called once, last.
   */
  async finish(reason: EndReason): Promise<CaptureTotals & { readonly fileBytes: number }> {
    await this.#writing;
    const totals = { ...this.#totals, reason };
    const whole = this.#position;
    try {
      // Behind records that are not there its check would be wrong.
      if (this.#failure === null) await this.#writeAll(this.#encoder.end(totals));
      await this.#file.sync();
    } catch (error) {
      await this.#file.truncate(whole).catch(() => undefined);
      this.#failure ??= this.#failed(error);
    } finally {
      await this.#file.close().catch(() => undefined);
    }
    if (this.#failure !== null) throw this.#failure;
    return { ...totals, fileBytes: this.#position };
  }

  /** False where a limit forbids it. */
  #take(frame: Frame): boolean {
    if (this.full !== null) return false;
    const size = bytesOf(frame);
    // Before it is encoded: what is encoded has to be written, since the next record's check goes on from it.
    if (this.fileBytes + size + 4 * frame.parts.length + overheadBytes > this.#limits.bytes) {
      this.#isTooLong = true;
      return false;
    }
    const bytes = this.#encoder.frame(frame);
    this.#waiting.push({ bytes, frame: { bytes: size, at: frame.receivedAt } });
    this.#waitingBytes += bytes.length;
    this.#taken += 1;
    return true;
  }

  /** Never rejects: what went wrong is kept. */
  async #writeWaiting(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#writeSome();
    } catch (error) {
      this.#failure = this.#failed(error);
      this.#waiting.length = 0;
      this.#waitingBytes = 0;
    } finally {
      this.#writing = null;
    }
  }

  async #writeSome(): Promise<void> {
    let count = 0;
    for (let bytes = 0; count < this.#waiting.length && bytes < maxWrite; count += 1)
      bytes += this.#waiting[count]?.bytes.length ?? 0;
    const some = this.#waiting.splice(0, count);
    const begin = this.#position;
    try {
      await this.#writeAll(Buffer.concat(some.map((one) => one.bytes)));
    } catch (error) {
      await this.#keepWhole(some, begin);
      throw error;
    }
    for (const one of some) this.#count(one);
  }

  /** What was written of some records ends with a whole one again. */
  async #keepWhole(some: readonly Pending[], begin: number): Promise<void> {
    let end = begin;
    for (const one of some) {
      if (end + one.bytes.length > this.#position) break;
      end += one.bytes.length;
      this.#count(one);
    }
    this.#position = end;
    await this.#file.truncate(end).catch(() => undefined);
  }

  #count({ bytes, frame }: Pending): void {
    this.#waitingBytes = Math.max(0, this.#waitingBytes - bytes.length);
    const { frames, bytes: before, firstAt } = this.#totals;
    this.#totals = {
      frames: frames + 1,
      bytes: before + frame.bytes,
      firstAt: firstAt ?? frame.at,
      lastAt: frame.at,
    };
  }

  /** `#position` is right also where it fails in the middle. */
  async #writeAll(bytes: Buffer): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#position);
      done += bytesWritten;
      this.#position += bytesWritten;
    }
  }

  #failed(error: unknown): BridgeError {
    const code = codeOf(error) ?? 'UNKNOWN';
    const reason = code === 'ENOSPC' ? 'the disk is full' : messageOf(error);
    const kept = `${this.#totals.frames} frames are in it and can be read`;
    return new BridgeError(code, `${this.#path} cannot be written on: ${reason} (${code}); ${kept}`, { cause: error });
  }
}
