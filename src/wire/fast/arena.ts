import type { RecordMemory } from '../../core/memory.ts';
import { ReusedMemory } from '../../core/reused-memory.ts';
import type { Target } from './digits.ts';

/** Records of many batches share one piece of memory, which is free when the last of them is written. */
const pieceBytes = 524_288;
/** Larger ones get memory of their own: a long-lived one must not keep much of a piece alive with it. */
const shareBytes = 131_072;
/** Free pieces that are kept. */
const maxFree = 8;
/** The same of those that records have for themselves. */
const maxLarge = 4;

class Piece implements RecordMemory, Target {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly #onFree: (piece: Piece) => void;
  #holders = 1;
  #isKept = false;

  /** Whoever makes it holds it. */
  constructor(bytes: Buffer, onFree: (piece: Piece) => void) {
    this.bytes = bytes;
    const { buffer, byteOffset, byteLength } = bytes;
    this.view = new DataView(buffer, byteOffset, byteLength);
    this.#onFree = onFree;
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0 && !this.#isKept) this.#onFree(this);
  }

  keep(): void {
    this.#isKept = true;
  }
}

/** Memory for records that outlive the handling of their message. */
export class Arena implements Target {
  /** Where the next byte goes. */
  at = 0;
  readonly #free: Piece[] = [];
  readonly #large = new ReusedMemory(maxLarge);
  #piece = this.#newPiece();
  #isShared = true;

  /** Where to write, from `at` on, after `reserve`. */
  get bytes(): Buffer {
    return this.#piece.bytes;
  }

  /** Of the same memory. */
  get view(): DataView {
    return this.#piece.view;
  }

  /** What is written from here on stays as it is until its holders, the caller among them, have let go. */
  hold(): RecordMemory {
    this.#piece.hold();
    return this.#piece;
  }

  reserve(room: number): void {
    const isShared = room <= shareBytes;
    if (isShared && this.#isShared && this.hasRoom(room)) return;
    const last = this.#piece;
    this.#piece = isShared ? this.#sharedPiece() : this.#largePiece(room);
    this.#isShared = isShared;
    this.at = 0;
    last.release();
  }

  /** Whether so much more fits behind what was written last. */
  hasRoom(room: number): boolean {
    return this.at + room <= this.#piece.bytes.length;
  }

  #sharedPiece(): Piece {
    const free = this.#free.pop();
    if (free === undefined) return this.#newPiece();
    free.hold();
    return free;
  }

  #newPiece(): Piece {
    return new Piece(Buffer.allocUnsafeSlow(pieceBytes), (piece) => {
      if (this.#free.length < maxFree) this.#free.push(piece);
    });
  }

  #largePiece(room: number): Piece {
    return new Piece(this.#large.take(room), ({ bytes }) => this.#large.give(bytes));
  }
}
