/** Records of many batches share one piece of memory, which goes when the last of them is written. */
const pieceBytes = 262_144;
/** Larger ones get memory of their own: a long-lived one must not keep much of a piece alive with it. */
const shareBytes = 32_768;

/** Memory for records that outlive the handling of their message. */
export class Arena {
  /** Where to write, from `at` on, after `reserve`. */
  bytes = Buffer.allocUnsafeSlow(pieceBytes);
  at = 0;
  #isShared = true;

  reserve(room: number): void {
    const isShared = room <= shareBytes;
    if (isShared && this.#isShared && this.at + room <= pieceBytes) return;
    this.bytes = Buffer.allocUnsafeSlow(isShared ? pieceBytes : room);
    this.at = 0;
    this.#isShared = isShared;
  }

  /** What was written from `at` to before `end`. */
  take(end: number): Buffer {
    const start = this.at;
    this.at = end;
    return this.bytes.subarray(start, end);
  }
}
