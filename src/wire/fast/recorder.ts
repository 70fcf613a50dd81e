import type { Rank } from '../decode.ts';
import type { Kernel } from './kernel.ts';
import { inputBytes } from './kernel.ts';

/** What the records of consecutive batches of one stream have in common. */
export interface EnvelopePieces {
  /** Up to the sequence number in the id. */
  readonly prefix: Uint8Array;
  /** By number of the type, from 1: from behind the index in the id to the next sequence number. */
  readonly middles: readonly Uint8Array[];
  /** From behind the time to the event. */
  readonly ends: readonly Uint8Array[];
  readonly rank: Rank;
}

/** Where things are, as records.wat has it. */
const sizesAt = 0x49100;
const endSizeAt = 0x4911c;
const mostAt = 0x49120;
const rankAt = 0x49124;
const piecesAt = 0x4a000;
const pieceBytes = 4_096;
const endAt = 0x4e000;
const endBytes = 2_048;
const mostTypes = 3;
/** What the numbers, the time and the texts around them take at most. */
const numberBytes = 192;

/** Has the kernel write whole records, one batch behind the other, into its output until somebody takes them. */
export class Recorder {
  readonly #kernel: Kernel;
  readonly #view: DataView;
  #size = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#view = new DataView(kernel.output.buffer);
  }

  /** Bytes that are there to be taken. */
  get size(): number {
    return this.#size;
  }

  /** The envelope of what comes next; false where there is no room for it. */
  begin({ prefix, middles, ends, rank }: EnvelopePieces): boolean {
    const pieces = [prefix, ...middles];
    const end = ends.reduce((sum, { length }) => sum + length, 0);
    if (middles.length > mostTypes || end > endBytes) return false;
    let longest = 0;
    for (const [index, piece] of pieces.entries()) {
      if (piece.length > pieceBytes) return false;
      this.#kernel.memory.set(piece, piecesAt + pieceBytes * index);
      this.#set(sizesAt + 4 * index, piece.length);
      if (index > 0) longest = Math.max(longest, piece.length);
    }
    let at = endAt;
    for (const piece of ends) {
      this.#kernel.memory.set(piece, at);
      at += piece.length;
    }
    this.#set(endSizeAt, end);
    this.#set(mostAt, prefix.length + longest + end + numberBytes);
    return this.#setRank(rank);
  }

  /** Adds the records of one batch with this number; how many, 0 where it is none for the kernel. */
  write(payload: Uint8Array, high: number, low: number): number {
    if (payload.length > inputBytes) return 0;
    return this.#kernel.record(payload, this.#kernel.start + this.#size, high, low);
  }

  /** Of the n-th record that the last `write` has added: the offset behind it, from the first of what is there. */
  endOf(record: number): number {
    return this.#kernel.endOf(record) - this.#kernel.start;
  }

  /** Keeps what the last `write` has added, up to this offset behind the first of what is there. */
  keep(size: number): void {
    this.#size = size;
  }

  /** Copies what is there; then nothing is. */
  take(target: Uint8Array, at: number): void {
    const { memory, start } = this.#kernel;
    target.set(memory.subarray(start, start + this.#size), at);
    this.#size = 0;
  }

  /** The kernel knows none, nil and small numbers. */
  #setRank(rank: Rank): boolean {
    const kind = !rank.present ? 0 : rank.value === null ? 1 : 2;
    this.#set(rankAt, kind);
    if (!rank.present || rank.value === null) return true;
    if (typeof rank.value !== 'number' || rank.value > 0xff) return false;
    this.#set(rankAt + 4, rank.value);
    return true;
  }

  #set(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }
}
