import { isUtf8 } from 'node:buffer';
import { maxDigits } from './digits.ts';
import type { Kernel } from './kernel.ts';
import { Numbers } from './numbers.ts';
import { Scratch } from './scratch.ts';
import { Walk } from './walk.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openList = 0x5b;
const closeList = 0x5d;
const nullText = Buffer.from('null');
const nullWord = nullText.readUInt32BE();
const constants: ReadonlyMap<number, Buffer> = new Map([
  [0xc0, nullText],
  [0xc2, Buffer.from('false')],
  [0xc3, Buffer.from('true')],
]);
const binTag = Buffer.from('{"$bin":"');
const intTag = Buffer.from('{"$int":"');
const floatTag = Buffer.from('{"$float":"');
const tagEnd = Buffer.from('"}');

/** Lists inside one another, far within what the reference implementation takes. */
const maxNesting = 32;

/**
 * Writes the JSON of the values that a walk comes by. False: something else comes, or what comes is not whole; the message
 * then is one for the reference implementation, and what was written of it is worthless.
 */
export class Values {
  readonly walk = new Walk();
  readonly out = new Scratch();
  readonly numbers: Numbers;

  constructor(kernel: Kernel | null) {
    this.numbers = new Numbers(kernel, this.walk, this.out);
  }

  begin(bytes: Uint8Array): void {
    this.walk.begin(bytes);
    this.out.clear();
  }

  /** A text that is UTF-8. */
  text(): boolean {
    return this.walk.takesText() && this.#quoted();
  }

  texts(): boolean {
    return this.#list(writeText);
  }

  /** A list of anything, as `tagged` of the reference implementation writes it, without maps and ext. */
  anyList(): boolean {
    return this.#list(writeAny, 1);
  }

  /** Of the next elements, those that are nil, with a comma behind each: metadata has one for each block without any. */
  #nils(most: number): number {
    const { walk, out } = this;
    const { bytes, at } = walk;
    let count = 0;
    while (count < most && bytes[at + count] === 0xc0) count += 1;
    out.ensure(count * (nullText.length + 1));
    for (let left = count; left > 0; left -= 1) {
      out.view.setUint32(out.at, nullWord);
      out.bytes[out.at + nullText.length] = comma;
      out.at += nullText.length + 1;
    }
    walk.at += count;
    return count;
  }

  nil(): void {
    this.out.put(nullText);
  }

  any(depth: number): boolean {
    const { walk, out } = this;
    const byte = walk.bytes[walk.at] as number;
    const constant = constants.get(byte);
    if (constant !== undefined) {
      walk.at += 1;
      out.put(constant);
      return true;
    }
    if (byte === 0xca || byte === 0xcb) return this.#float();
    if ((byte & 0xf0) === 0x90 || byte === 0xdc || byte === 0xdd) return this.#list(writeAny, depth + 1);
    if (walk.takesInteger()) return this.#taggedInteger();
    if (walk.takesText()) return this.#quoted() || this.#taggedBinary();
    return walk.takesBinary() && this.#taggedBinary();
  }

  #list(item: (values: Values, depth: number) => boolean, depth = 1): boolean {
    const { walk, out } = this;
    const length = depth > maxNesting ? -1 : walk.list();
    if (length < 0) return false;
    out.byte(openList);
    for (let left = length; left > 0; left -= 1) {
      if (item === writeAny) left -= this.#nils(left);
      if (left === 0) break;
      if (!item(this, depth)) return false;
      out.byte(comma);
    }
    // Each has left a comma behind it.
    if (length > 0) out.at -= 1;
    out.byte(closeList);
    return true;
  }

  #taggedInteger(): boolean {
    const { walk, out } = this;
    if (!walk.isSafe) out.put(intTag);
    out.ensure(maxDigits + 1);
    this.numbers.digits();
    if (!walk.isSafe) out.put(tagEnd);
    return true;
  }

  #taggedBinary(): boolean {
    this.out.put(binTag);
    this.numbers.hex();
    this.out.put(tagEnd);
    return true;
  }

  #float(): boolean {
    const { walk, out } = this;
    if (!walk.takesFloat()) return false;
    const isNumber = Number.isFinite(walk.float);
    if (!isNumber) out.put(floatTag);
    out.text(isNumber ? JSON.stringify(walk.float) : String(walk.float));
    if (!isNumber) out.put(tagEnd);
    return true;
  }

  /** The text that was read, as a JSON string; false, with nothing written, where it is not UTF-8. */
  #quoted(): boolean {
    const { walk, out } = this;
    const { bytes, from, to } = walk;
    out.ensure(to - from + 2);
    const target = out.bytes;
    let place = out.at;
    target[place++] = quote;
    for (let offset = from; offset < to; offset += 1) {
      const byte = bytes[offset] as number;
      if (byte < 0x20 || byte >= 0x80 || byte === quote || byte === backslash) return this.#escaped();
      target[place++] = byte;
    }
    target[place++] = quote;
    out.at = place;
    return true;
  }

  #escaped(): boolean {
    const { bytes, from, to } = this.walk;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
    if (!isUtf8(text)) return false;
    this.out.text(JSON.stringify(text.toString('utf8')));
    return true;
  }
}

const writeText = (values: Values): boolean => values.text();
const writeAny = (values: Values, depth: number): boolean => values.any(depth);
