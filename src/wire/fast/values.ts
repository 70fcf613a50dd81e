import { isUtf8 } from 'node:buffer';
import { maxDigits, writeHex, writeUint64, writeWithComma } from './digits.ts';
import { Scratch } from './scratch.ts';
import { Walk } from './walk.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const minus = 0x2d;
const openList = 0x5b;
const closeList = 0x5d;
const hexStart = Buffer.from('"0x');
const constants: ReadonlyMap<number, Buffer> = new Map([
  [0xc0, Buffer.from('null')],
  [0xc2, Buffer.from('false')],
  [0xc3, Buffer.from('true')],
]);
const binTag = Buffer.from('{"$bin":"');
const intTag = Buffer.from('{"$int":"');
const floatTag = Buffer.from('{"$float":"');
const tagEnd = Buffer.from('"}');

/** Numbers of a list for which room is made at once: a list of millions must not reserve for all of them. */
const stretch = 1_024;
/** Lists inside one another, far within what the reference implementation takes. */
const maxNesting = 32;

/**
 * Writes the JSON of the values that a walk comes by. False: something else comes, or what comes is not whole; the message
 * then is one for the reference implementation, and what was written of it is worthless.
 */
export class Values {
  readonly walk = new Walk();
  readonly out = new Scratch();

  begin(bytes: Uint8Array): void {
    this.walk.begin(bytes);
    this.out.clear();
  }

  /** Hashes: integers as decimal text, bytes and texts as `0x` + hex. */
  hashes(): boolean {
    const { walk, out } = this;
    const length = walk.list();
    if (length < 0) return false;
    out.byte(openList);
    for (let index = 0; index < length; index += 1) {
      if (!this.hash()) return false;
      out.byte(comma);
    }
    if (length > 0) out.at -= 1;
    out.byte(closeList);
    return true;
  }

  hash(): boolean {
    const { walk, out } = this;
    if (walk.takesInteger()) {
      out.ensure(maxDigits + 3);
      out.bytes[out.at++] = quote;
      this.#digits();
      out.bytes[out.at++] = quote;
      return true;
    }
    if (!walk.takesBinary() && !walk.takesText()) return false;
    out.put(hexStart);
    this.#hex();
    out.byte(quote);
    return true;
  }

  /** Token ids in a flat list of integers, as nearly every engine sends them. */
  tokens(): boolean {
    const length = this.walk.list();
    if (length < 0) return false;
    this.out.byte(openList);
    for (let left = length; left > 0; left -= stretch) {
      if (!this.#someTokens(Math.min(left, stretch))) return false;
    }
    // Each has left a comma behind it.
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
    this.#digits();
    if (!walk.isSafe) out.bytes[out.at++] = quote;
    return true;
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

  nil(): void {
    this.out.put(constants.get(0xc0) as Buffer);
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
    for (let index = 0; index < length; index += 1) {
      if (index > 0) out.byte(comma);
      if (!item(this, depth)) return false;
    }
    out.byte(closeList);
    return true;
  }

  #taggedInteger(): boolean {
    const { walk, out } = this;
    if (!walk.isSafe) out.put(intTag);
    out.ensure(maxDigits + 1);
    this.#digits();
    if (!walk.isSafe) out.put(tagEnd);
    return true;
  }

  #taggedBinary(): boolean {
    this.out.put(binTag);
    this.#hex();
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

  /** The integer that was read; there is room. */
  #digits(): void {
    const { walk, out } = this;
    if (walk.isNegative) out.bytes[out.at++] = minus;
    out.at = writeUint64(out, out.at, walk.high, walk.low);
  }

  /** The bytes that were read. */
  #hex(): void {
    const { walk, out } = this;
    out.ensure(2 * (walk.to - walk.from));
    out.at = writeHex(out.bytes, out.at, walk.bytes, walk);
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
