import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { BridgeError, messageOf } from '../core/errors.ts';
import type { Frame } from '../core/frame.ts';
import type { Damage } from './decoder.ts';
import { CaptureDecoder } from './decoder.ts';
import { magic } from './format.ts';
import type { CaptureMeta, CaptureTotals } from './meta.ts';

/** How what can be read of a capture ends; `cut`: in the middle of it, at `offset`, as after a kill -9. */
export type Ending =
  | { readonly kind: 'complete'; readonly totals: CaptureTotals }
  | { readonly kind: 'cut'; readonly offset: number }
  | ({ readonly kind: 'damaged' } & Damage);

const chunkBytes = 1_048_576;

/** Reads a capture from its beginning, as far as it goes when it is opened; it may still be written. */
export class CaptureReader {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly meta: CaptureMeta;
  readonly #handle: FileHandle;
  readonly #decoder: CaptureDecoder;
  /** What was read and not used yet. */
  #rest: Buffer;
  #position: number;
  /** Decoded while it was opened. */
  #first: readonly Frame[];

  private constructor(path: string, opened: Opened) {
    this.path = path;
    this.size = opened.size;
    this.meta = opened.meta;
    this.#handle = opened.handle;
    this.#decoder = opened.decoder;
    this.#rest = opened.rest;
    this.#position = opened.position;
    this.#first = opened.frames;
  }

  /** Throws a `BridgeError` where the file cannot be read, or is none, or does not even begin like one. */
  static async open(path: string): Promise<CaptureReader> {
    const handle = await open(path, 'r').catch((error: unknown) => {
      throw new BridgeError('UNREADABLE', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
    });
    try {
      return new CaptureReader(path, await begin(path, handle));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes of the file that are read and sound. */
  get offset(): number {
    return this.#decoder.offset;
  }

  /** Of what was read so far; say it once `frames` has ended. */
  get ending(): Ending {
    const { damage, totals, offset } = this.#decoder;
    if (damage !== null) return { kind: 'damaged', ...damage };
    return totals === null ? { kind: 'cut', offset } : { kind: 'complete', totals };
  }

  /** All frames in the order in which they were received; iterated once. Their memory is not used again. See `ending`. */
  async *frames(): AsyncGenerator<readonly Frame[], void, undefined> {
    const first = this.#first;
    this.#first = [];
    if (first.length > 0) yield first;
    while (this.#decoder.damage === null) {
      const { frames, used, wanted } = this.#decoder.decode(this.#rest);
      this.#rest = this.#rest.subarray(used);
      if (frames.length > 0) yield frames;
      if (this.#decoder.damage !== null || !(await this.#readMore(wanted))) return;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** False where the file does not go that far. */
  async #readMore(wanted: number): Promise<boolean> {
    if (this.#position - this.#rest.length + wanted > this.size) return false;
    this.#rest = await more(this.#handle, this.#rest, { at: this.#position, bytes: Math.max(chunkBytes, wanted) });
    const read = this.#rest.length;
    this.#position = this.#decoder.offset + read;
    return read >= wanted;
  }
}

interface Opened {
  readonly handle: FileHandle;
  readonly size: number;
  readonly decoder: CaptureDecoder;
  readonly meta: CaptureMeta;
  readonly rest: Buffer;
  readonly position: number;
  readonly frames: readonly Frame[];
}

async function begin(path: string, handle: FileHandle): Promise<Opened> {
  const stats = await handle.stat();
  if (!stats.isFile()) throw new BridgeError('UNREADABLE', `${path} is no regular file: a capture is one`);
  const { size } = stats;
  const decoder = new CaptureDecoder();
  const bytes = await more(handle, Buffer.alloc(0), { at: 0, bytes: Math.min(chunkBytes, size) });
  const { frames, used } = decoder.decode(bytes);
  const { meta, damage, offset } = decoder;
  if (meta === null) throw damage === null ? cutAtOnce(path, offset) : damaged(path, damage);
  return { handle, size, decoder, meta, rest: bytes.subarray(used), position: bytes.length, frames };
}

/** What is left and what follows it, in memory of its own: frames of what was read before stay as they are. */
async function more(
  handle: FileHandle,
  rest: Buffer,
  { at, bytes }: { readonly at: number; readonly bytes: number },
): Promise<Buffer> {
  const chunk = Buffer.allocUnsafeSlow(Math.max(rest.length, bytes));
  let filled = rest.copy(chunk);
  let position = at;
  while (filled < chunk.length) {
    const { bytesRead } = await handle.read(chunk, filled, chunk.length - filled, position);
    if (bytesRead === 0) break;
    filled += bytesRead;
    position += bytesRead;
  }
  return chunk.subarray(0, filled);
}

function cutAtOnce(path: string, offset: number): BridgeError {
  const message = `${path} ends at byte ${offset}, before its first frame: it holds nothing that could be read`;
  return new BridgeError('CAPTURE_CUT', message);
}

export function damaged(path: string, { offset, problem }: Damage, remedy?: string): BridgeError {
  const message = `${path} is damaged at byte ${offset}: ${problem}${remedy === undefined ? '' : `; ${remedy}`}`;
  return new BridgeError('CAPTURE_DAMAGED', message);
}

export function cutText(path: string, { offset }: { readonly offset: number }, size: number): string {
  return `${path} was cut, or is still written: it can be read up to byte ${offset} of ${size}`;
}

/** Whether a file begins like a capture; false for one that cannot be read. */
export async function isCapture(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
      return bytesRead === magic.length && buffer.compare(magic, 0, magic.length - 1, 0, magic.length - 1) === 0;
    } finally {
      await handle.close();
    }
  } catch {
    return false;
  }
}
