import { maxDigits, writeHex, writeUint64, writeWithComma } from './digits.ts';
import type { Kernel } from './kernel.ts';
import { Lists } from './lists.ts';
import type { Scratch } from './scratch.ts';
import type { Walk } from './walk.ts';

const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const openList = 0x5b;
const closeList = 0x5d;
const hexStart = Buffer.from('"0x');

/** Numbers of a list for which room is made at once: a list of millions must not reserve for all of them. */
const stretch = 1_024;

/** The part of `Values` that nearly all bytes of a message belong to: integers, hashes, and lists of them. */
export class Numbers {
  readonly walk: Walk;
  readonly out: Scratch;
  readonly #lists: Lists;

  constructor(kernel: Kernel | null, walk: Walk, out: Scratch) {
    this.walk = walk;
    this.out = out;
    this.#lists = new Lists(kernel, walk, out);
  }

  /** Hashes: integers as decimal text, bytes and texts as `0x` + hex. */
  hashes(): boolean {
    const { walk, out } = this;
    const length = walk.list();
    if (length < 0) return false;
    out.byte(openList);
    for (let left = length; left > 0; ) {
      let done = this.#lists.hashes(left);
      if (done === 0) {
        done = Math.min(left, stretch);
        if (!this.#someHashes(done)) return false;
      }
      left -= done;
    }
    // Each has left a comma behind it.
    if (length > 0) out.at -= 1;
    out.byte(closeList);
    return true;
  }

  #someHashes(count: number): boolean {
    for (let index = 0; index < count; index += 1) {
      if (!this.hash()) return false;
      this.out.byte(comma);
    }
    return true;
  }

  hash(): boolean {
    const { walk, out } = this;
    if (walk.takesInteger()) {
      out.ensure(maxDigits + 3);
      out.bytes[out.at++] = quote;
      this.digits();
      out.bytes[out.at++] = quote;
      return true;
    }
    if (!walk.takesBinary() && !walk.takesText()) return false;
    out.put(hexStart);
    this.hex();
    out.byte(quote);
    return true;
  }

  /** Token ids in a flat list of integers, as nearly every engine sends them. */
  tokens(): boolean {
    const length = this.walk.list();
    if (length < 0) return false;
    this.out.byte(openList);
    for (let left = length; left > 0; ) {
      let done = this.#lists.tokens(left);
      if (done === 0) {
        done = Math.min(left, stretch);
        if (!this.#someTokens(done)) return false;
      }
      left -= done;
    }
    if (length > 0) this.out.at -= 1;
    this.out.byte(closeList);
    return true;
  }

  /** Where the time of a large batch goes: locals only. */
  #someTokens(count: number): boolean {
    const { walk, out } = this;
    out.ensure(count * (maxDigits + 3) + 4);
    const { bytes } = walk;
    const target = out.bytes;
    const end = bytes.length;
    let { at } = walk;
    let place = out.at;
    for (let index = 0; index < count; index += 1) {
      const byte = bytes[at] as number;
      if (byte === 0xcd && at + 3 <= end) {
        place = writeWithComma(out, place, ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number));
        at += 3;
      } else if (byte === 0xce && at + 5 <= end) {
        const high = ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
        const low = ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
        place = writeWithComma(out, place, ((high << 16) | low) >>> 0);
        at += 5;
      } else if (byte < 0x80) {
        place = writeWithComma(out, place, byte);
        at += 1;
      } else {
        walk.at = at;
        out.at = place;
        if (!this.#integerInPlace()) return false;
        at = walk.at;
        place = out.at;
        target[place++] = comma;
      }
    }
    walk.at = at;
    out.at = place;
    return true;
  }

  /** An integer; as text where a JSON number could be rounded. */
  integer(): boolean {
    this.out.ensure(maxDigits + 3);
    return this.#integerInPlace();
  }

  #integerInPlace(): boolean {
    const { walk, out } = this;
    if (!walk.takesInteger()) return false;
    if (!walk.isSafe) out.bytes[out.at++] = quote;
    this.digits();
    if (!walk.isSafe) out.bytes[out.at++] = quote;
    return true;
  }

  /** The integer that was read; there is room. */
  digits(): void {
    const { walk, out } = this;
    if (walk.isNegative) out.bytes[out.at++] = minus;
    out.at = writeUint64(out, out.at, walk.high, walk.low);
  }

  /** The bytes that were read. */
  hex(): void {
    const { walk, out } = this;
    out.ensure(2 * (walk.to - walk.from));
    out.at = writeHex(out.bytes, out.at, walk.bytes, walk);
  }
}
