import { cost } from '../msgpack/limits.ts';

const safeHigh = 0x20_0000;

/**
 * A place in a message, and the spans and integers read there. Nothing is read past the end. What answers a boolean (or
 * -1) says so where something else comes, or where what comes cannot be whole; the place is then worthless.
 */
export class Walk {
  bytes: Uint8Array = new Uint8Array();
  at = 0;
  /** What the reference implementation would count for this message at most, bytes; see msgpack/limits.ts. */
  spent = 0;
  /** The integer that was read last: its magnitude is `high * 2^32 + low`. */
  high = 0;
  low = 0;
  isNegative = false;
  /** The text or byte string that was read last, `from` to before `to`. */
  from = 0;
  to = 0;
  /** The float that was read last. */
  float = 0;
  readonly #floatBytes = new DataView(new ArrayBuffer(8));

  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
    this.spent = 0;
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  /** Whether a JSON number could not round the integer that was read last. */
  get isSafe(): boolean {
    return this.high < safeHigh;
  }

  /** Whether the next value is nil; then it is behind us. */
  takesNil(): boolean {
    if (this.bytes[this.at] !== 0xc0) return false;
    this.at += 1;
    return true;
  }

  /** Elements of the list that begins here, -1 where none does or where it cannot be whole. */
  list(): number {
    const length = this.#length(0x90, 0xdc);
    if (length >= 0) this.spent += cost.list + cost.element * length;
    return length;
  }

  /** Entries of the map that begins here, or -1. */
  map(): number {
    const size = this.#length(0x80, 0xde);
    if (size >= 0) this.spent += cost.map + cost.entry * size;
    return size;
  }

  /** Moves only where the answer is not -1. */
  #length(fix: number, sized: number): number {
    const { bytes, at } = this;
    const byte = bytes[at];
    if (byte === undefined) return -1;
    if ((byte & 0xf0) === fix) return this.#open(at + 1, byte & 0x0f);
    if (byte === sized && at + 3 <= bytes.length) return this.#open(at + 3, this.#uint16(at + 1));
    if (byte === sized + 1 && at + 5 <= bytes.length) return this.#open(at + 5, this.#uint32(at + 1));
    return -1;
  }

  /** Each element needs a byte at least. */
  #open(at: number, length: number): number {
    if (length > this.bytes.length - at) return -1;
    this.at = at;
    return length;
  }

  /** Whether a text comes; it need not be UTF-8. */
  takesText(): boolean {
    const { bytes, at } = this;
    const byte = bytes[at];
    if (byte === undefined) return false;
    if ((byte & 0xe0) === 0xa0) return this.#span(at + 1, byte & 0x1f, cost.character);
    if (byte === 0xd9 && at + 2 <= bytes.length) return this.#span(at + 2, bytes[at + 1] as number, cost.character);
    if (byte === 0xda && at + 3 <= bytes.length) return this.#span(at + 3, this.#uint16(at + 1), cost.character);
    if (byte === 0xdb && at + 5 <= bytes.length) return this.#span(at + 5, this.#uint32(at + 1), cost.character);
    return false;
  }

  takesBinary(): boolean {
    const { bytes, at } = this;
    const byte = bytes[at];
    if (byte === 0xc4 && at + 2 <= bytes.length) return this.#span(at + 2, bytes[at + 1] as number, cost.byte);
    if (byte === 0xc5 && at + 3 <= bytes.length) return this.#span(at + 3, this.#uint16(at + 1), cost.byte);
    if (byte === 0xc6 && at + 5 <= bytes.length) return this.#span(at + 5, this.#uint32(at + 1), cost.byte);
    return false;
  }

  #span(from: number, length: number, costPerByte: number): boolean {
    if (length > this.bytes.length - from) return false;
    this.spent += cost.bytes + cost.text + costPerByte * length;
    this.from = from;
    this.to = from + length;
    this.at = from + length;
    return true;
  }

  /** Whether an integer comes; then its magnitude and sign are kept. */
  takesInteger(): boolean {
    const { bytes, at } = this;
    const byte = bytes[at];
    if (byte === undefined) return false;
    if (byte < 0x80) return this.#keep(at + 1, 0, byte);
    if (byte >= 0xe0) return this.#keepSigned(at + 1, 0x100 - byte);
    if (byte < 0xcc || byte > 0xd3) return false;
    const width = 1 << (byte & 3);
    if (at + 1 + width > bytes.length) return false;
    const end = at + 1 + width;
    if (width === 8) {
      const high = this.#uint32(at + 1);
      const low = this.#uint32(at + 5);
      return byte === 0xcf ? this.#keep(end, high, low) : this.#keepInt64(end, high, low);
    }
    const value = width === 4 ? this.#uint32(at + 1) : width === 2 ? this.#uint16(at + 1) : (bytes[at + 1] as number);
    const isNegative = byte >= 0xd0 && value >= 2 ** (8 * width - 1);
    return isNegative ? this.#keepSigned(end, 2 ** (8 * width) - value) : this.#keep(end, 0, value);
  }

  takesFloat(): boolean {
    const { bytes, at } = this;
    const width = bytes[at] === 0xcb ? 8 : bytes[at] === 0xca ? 4 : 0;
    if (width === 0 || at + 1 + width > bytes.length) return false;
    for (let index = 0; index < width; index += 1) this.#floatBytes.setUint8(index, bytes[at + 1 + index] as number);
    this.float = width === 8 ? this.#floatBytes.getFloat64(0) : this.#floatBytes.getFloat32(0);
    this.at = at + 1 + width;
    this.spent += cost.float;
    return true;
  }

  #keep(end: number, high: number, low: number): boolean {
    if (high >= safeHigh) this.spent += cost.bigint;
    this.at = end;
    this.high = high;
    this.low = low;
    this.isNegative = false;
    return true;
  }

  #keepSigned(end: number, magnitude: number): boolean {
    this.#keep(end, 0, magnitude);
    this.isNegative = true;
    return true;
  }

  #keepInt64(end: number, high: number, low: number): boolean {
    if (high < 0x8000_0000) return this.#keep(end, high, low);
    const carry = low === 0 ? 1 : 0;
    this.#keep(end, (~high + carry) >>> 0, (~low + 1) >>> 0);
    this.isNegative = true;
    return true;
  }

  #uint16(at: number): number {
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  #uint32(at: number): number {
    return ((this.#uint16(at) << 16) | this.#uint16(at + 2)) >>> 0;
  }
}
