import type { Kernel } from './kernel.ts';
import { inputBytes } from './kernel.ts';
import type { Scratch } from './scratch.ts';
import type { Walk } from './walk.ts';

/** Shorter lists cost less without the copies. */
const fewestTokens = 24;
const fewestHashes = 8;
/** A token id takes so much at most, nearly always. */
const tokenBytes = 5;
const hashBytes = 9;
const bin8 = 0xc4;

/** Writes parts of lists with the kernel. */
export class Lists {
  readonly #kernel: Kernel | null;
  readonly #walk: Walk;
  readonly #out: Scratch;

  constructor(kernel: Kernel | null, walk: Walk, out: Scratch) {
    this.#kernel = kernel;
    this.#walk = walk;
    this.#out = out;
  }

  /** Of the next elements, how many were written, with a comma behind each; 0: they are for somebody else. */
  tokens(left: number): number {
    if (left < fewestTokens || this.#kernel === null) return 0;
    const length = this.#load(this.#kernel, left * tokenBytes);
    return this.#take(this.#kernel, this.#kernel.tokens(length, left));
  }

  hashes(left: number): number {
    if (left < fewestHashes || this.#kernel === null) return 0;
    const { bytes, at } = this.#walk;
    // Those of a list are alike.
    const each = bytes[at] === bin8 ? (bytes[at + 1] ?? 0) + 2 : hashBytes;
    const length = this.#load(this.#kernel, left * each);
    return this.#take(this.#kernel, this.#kernel.hashes(length, left));
  }

  #load(kernel: Kernel, most: number): number {
    const { bytes, at } = this.#walk;
    const to = Math.min(bytes.length, at + Math.min(most, inputBytes));
    kernel.load({ bytes, from: at, to });
    return to - at;
  }

  #take(kernel: Kernel, done: number): number {
    if (done === 0) return 0;
    const walk = this.#walk;
    const out = this.#out;
    const { read, written, spent } = kernel;
    out.ensure(written);
    kernel.copy(out.bytes, out.at);
    out.at += written;
    walk.at += read;
    walk.spent += spent;
    return done;
  }
}
