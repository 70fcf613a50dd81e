import type { Scratch } from './scratch.ts';
import type { Walk } from './walk.ts';

/** Longer ones are not remembered. */
const mostBytes = 96;
const mostWords = 128;

/** Where a run of fields begins: in the message, in what is written, and in what it costs. */
export interface Start {
  readonly at: number;
  readonly outAt: number;
  readonly spent: number;
}

/**
 * The small fields that stand next to each other in an event (block size, medium, adapter ...) are the same bytes in one
 * event after the other of a model: they are compared with those of the last one, and what was written for these is
 * written again. What a field becomes depends on its bytes alone.
 */
export class Remembered {
  readonly #bytes = new Uint8Array(mostBytes);
  #length = 0;
  /** 0: nothing is remembered. */
  #fields = 0;
  readonly #words = new Uint32Array(mostWords);
  #written = 0;
  #spent = 0;

  /** Whether the next so many fields are those; then they are behind us. */
  writes(walk: Walk, out: Scratch, fields: number): boolean {
    const length = this.#length;
    const { bytes, at } = walk;
    if (fields !== this.#fields || length > bytes.length - at) return false;
    for (let index = 0; index < length; index += 1) if (bytes[at + index] !== this.#bytes[index]) return false;
    out.ensure(this.#written + 3);
    const { view, at: outAt } = out;
    const words = (this.#written + 3) >> 2;
    for (let index = 0; index < words; index += 1) view.setUint32(outAt + 4 * index, this.#words[index] as number);
    out.at = outAt + this.#written;
    walk.at = at + length;
    walk.spent += this.#spent;
    return true;
  }

  /** What came since `start`: so many fields. */
  keep(walk: Walk, out: Scratch, { at, outAt, spent }: Start, fields: number): void {
    const length = walk.at - at;
    const written = out.at - outAt;
    if (length > mostBytes || written > 4 * mostWords) return;
    // The last word may reach behind what was written.
    out.ensure(3);
    for (let index = 0; index < length; index += 1) this.#bytes[index] = walk.bytes[at + index] as number;
    for (let index = 0; 4 * index < written; index += 1) this.#words[index] = out.view.getUint32(outAt + 4 * index);
    this.#length = length;
    this.#written = written;
    this.#spent = walk.spent - spent;
    this.#fields = fields;
  }
}
