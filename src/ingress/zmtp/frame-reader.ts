import type { Buffers } from './buffers.ts';
import { ZmtpError } from './zmtp-error.ts';

/** Bits of a frame's first byte; all others are reserved. */
export const more = 1;
export const long = 2;
export const command = 4;

export interface FrameLimits {
  /** Bytes of one frame of a message. */
  readonly frame: number;
  /** Bytes of one command. */
  readonly command: number;
}

const nothing = Buffer.alloc(0);
/** What is reserved for a frame whose length a peer has only announced; beyond that, room follows what has come. */
const firstRoom = 65_536;

/**
 * Cuts a stream of bytes into ZMTP frames. A frame that lies within one chunk is a view into it; one that does not is
 * copied, each byte once, into a buffer that is its own until `release`.
 */
export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #buffers: Buffers;
  /** Of frames that were given. */
  #given: Buffer[] = [];
  #chunk: Buffer = nothing;
  #at = 0;
  readonly #header = Buffer.alloc(9);
  /** Bytes of the header read; 0: between two frames. */
  #headed = 0;
  #size = 0;
  /** What there is of a frame that does not lie within one chunk. */
  #body: Buffer | null = null;
  #filled = 0;
  #flags = 0;
  #expected: Buffer | null = null;

  constructor(limits: FrameLimits, buffers: Buffers) {
    this.#limits = limits;
    this.#buffers = buffers;
  }

  /** Of the frame that `next` has given. */
  get flags(): number {
    return this.#flags;
  }

  /** Bytes of the room for a frame that is not all there; what it has beyond the frame was there anyway. */
  get held(): number {
    return Math.min(this.#body?.length ?? 0, this.#size);
  }

  /** Whether all of the chunk has been read. */
  get isDrained(): boolean {
    return this.#at === this.#chunk.length;
  }

  /** Bytes that a short frame often has: then `next` gives this very buffer instead of a view. Null: none. */
  expect(body: Buffer | null): void {
    this.#expected = body;
  }

  /** Nobody looks at the frames that were given any more; there may be one that is not all there. */
  release(): void {
    if (this.#given.length === 0) return;
    for (const room of this.#given) this.#buffers.give(room);
    this.#given = [];
  }

  /** The next bytes; the ones before must have been read. */
  feed(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next frame's body; null once the chunk is used up. Throws `ZmtpError`, and is of no use then. */
  next(): Buffer | null {
    if (this.#headed > 0) return this.#body === null ? this.#unusual() : this.#fill(this.#body);
    const chunk = this.#chunk;
    const from = this.#at + 2;
    const flags = chunk[from - 2] ?? 0;
    // Nearly every frame: short, no command, and all there.
    if (flags <= more && from <= chunk.length) {
      const to = from + (chunk[from - 1] ?? 0);
      if (to <= chunk.length) {
        this.#flags = flags;
        this.#at = to;
        const expected = this.#expected;
        return expected !== null && isAt(chunk, from, to, expected) ? expected : chunk.subarray(from, to);
      }
    }
    return this.#unusual();
  }

  #unusual(): Buffer | null {
    if (!this.#readHeader()) return null;
    const from = this.#at;
    const to = from + this.#size;
    if (to > this.#chunk.length) return this.#fill(nothing);
    this.#headed = 0;
    this.#at = to;
    return this.#chunk.subarray(from, to);
  }

  #readHeader(): boolean {
    const chunk = this.#chunk;
    while (this.#at < chunk.length) {
      this.#header[this.#headed] = chunk[this.#at] ?? 0;
      this.#at += 1;
      this.#headed += 1;
      if (this.#headed === 1) this.#checkFlags();
      else if (this.#headed === ((this.#flags & long) === 0 ? 2 : 9)) {
        this.#readSize();
        return true;
      }
    }
    return false;
  }

  #checkFlags(): void {
    const flags = this.#header[0] ?? 0;
    this.#flags = flags;
    if (flags > (more | long | command)) throw new ZmtpError('bad_frame', `a frame has the reserved flags ${flags}`);
    if ((flags & (more | command)) === (more | command)) {
      throw new ZmtpError('bad_frame', 'a command says that more of it follows');
    }
  }

  #readSize(): void {
    const header = this.#header;
    // As a double: what is too large for one to be exact is above every limit.
    const size =
      (this.#flags & long) === 0 ? (header[1] ?? 0) : header.readUInt32BE(1) * 4_294_967_296 + header.readUInt32BE(5);
    const isCommand = (this.#flags & command) !== 0;
    const limit = isCommand ? this.#limits.command : this.#limits.frame;
    if (size > limit) {
      throw new ZmtpError('too_large', `a ${isCommand ? 'command' : 'frame'} has ${size} bytes, ${limit} are allowed`);
    }
    this.#size = size;
  }

  #fill(body: Buffer): Buffer | null {
    const taken = Math.min(this.#size - this.#filled, this.#chunk.length - this.#at);
    const room = this.#roomFor(body, this.#filled + taken);
    this.#chunk.copy(room, this.#filled, this.#at, this.#at + taken);
    this.#at += taken;
    this.#filled += taken;
    this.#body = room;
    if (this.#filled < this.#size) return null;
    this.#body = null;
    this.#filled = 0;
    this.#headed = 0;
    this.#given.push(room);
    return room.subarray(0, this.#size);
  }

  #roomFor(body: Buffer, needed: number): Buffer {
    if (needed <= body.length && body !== nothing) return body;
    const larger = this.#buffers.take(Math.min(this.#size, Math.max(needed, 2 * body.length, firstRoom)));
    body.copy(larger, 0, 0, this.#filled);
    this.#buffers.give(body);
    return larger;
  }
}

/** Few bytes: a loop is cheaper than a view. */
function isAt(bytes: Uint8Array, from: number, to: number, expected: Uint8Array): boolean {
  if (to - from !== expected.length) return false;
  for (let index = expected.length - 1; index >= 0; index -= 1)
    if (bytes[from + index] !== expected[index]) return false;
  return true;
}
