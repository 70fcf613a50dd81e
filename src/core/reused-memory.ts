/** Memory grows in steps of this. */
const step = 262_144;
/** Larger pieces are not kept: they are rare, and would stay. */
const mostKept = 16 * step;

/**
 * Memory of some hundred kB and more, used again: to get new memory for each request or long message costs more than to
 * write it, and has the garbage collector look through everything again and again.
 */
export class ReusedMemory {
  readonly #free: Buffer[] = [];
  /** All that was made, each as a whole. */
  readonly #own = new WeakMap<ArrayBufferLike, Buffer>();
  readonly #pieces: number;

  /** `pieces`: kept at most; as many as are in use at once. */
  constructor(pieces: number) {
    this.#pieces = pieces;
  }

  /** So many bytes or more, that stay as they are until `give` gets them back. */
  take(room: number): Buffer {
    // The newest that is large enough: it is still in the processor's caches.
    const index = this.#free.findLastIndex(({ length }) => length >= room);
    if (index >= 0) return this.#free.splice(index, 1)[0] as Buffer;
    const made = Buffer.allocUnsafeSlow(Math.ceil(room / step) * step);
    this.#own.set(made.buffer, made);
    return made;
  }

  /**
   * Nobody reads these bytes any more; they may be a part of what was taken, or something else, which is left alone. Bytes of
   * which that is not known must not come back.
   */
  give({ buffer }: Buffer): void {
    const whole = this.#own.get(buffer);
    if (whole === undefined || this.#free.includes(whole) || whole.length > mostKept) return;
    // The newest stays: it is as large as what is needed now.
    if (this.#free.length === this.#pieces) this.#free.shift();
    this.#free.push(whole);
  }
}
