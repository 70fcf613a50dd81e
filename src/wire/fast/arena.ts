import type { Target } from './digits.ts';

/** Records of many batches share one piece of memory, which goes when the last of them is written. */
const pieceBytes = 262_144;
/** Larger ones get memory of their own: a long-lived one must not keep much of a piece alive with it. */
const shareBytes = 32_768;

/** Memory for records that outlive the handling of their message. */
export class Arena implements Target {
  /** Where to write, from `at` on, after `reserve`. */
  bytes = Buffer.allocUnsafeSlow(pieceBytes);
  /** Of the same memory. */
  view = viewOf(this.bytes);
  at = 0;
  #isShared = true;

  reserve(room: number): void {
    const isShared = room <= shareBytes;
    if (isShared && this.#isShared && this.hasRoom(room)) return;
    this.bytes = Buffer.allocUnsafeSlow(isShared ? pieceBytes : room);
    this.view = viewOf(this.bytes);
    this.at = 0;
    this.#isShared = isShared;
  }

  /** Whether so much more fits behind what was written last. */
  hasRoom(room: number): boolean {
    return this.at + room <= this.bytes.length;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
