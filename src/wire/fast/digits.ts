/** The two digits of 0..99 after one another: number `n` stands at `2 * n`. */
const pairs = Uint8Array.from({ length: 200 }, (_, at) => 48 + (at % 2 === 0 ? Math.floor(at / 20) : (at >> 1) % 10));
/** The two hex digits of 0..255 after one another. */
const hexPairs = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).join(''));
/** The highest byte of a word. */
const top = 0x100_0000;
/** 0..999 in decimal, as little-endian words: without zeros in front, the number of digits in the highest byte. */
const shortDigits = Uint32Array.from(
  { length: 1_000 },
  (_, value) => wordOf(String(value)) + String(value).length * top,
);
/** The same with three digits, and a comma behind them. */
const threeDigitsAndComma = Uint32Array.from(
  { length: 1_000 },
  (_, value) => wordOf(`${value}`.padStart(3, '0')) + 0x2c * top,
);
const zero = 48;
const comma = 0x2c;
const billion = 1_000_000_000;

/** Most bytes that any of these writes for one number, the sign included. */
export const maxDigits = 21;

/** Where numbers are written: the same memory twice. */
export interface Target {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Writes 0 <= value < 2^32 in decimal; returns the offset behind it. The caller has seen to the room. */
export function writeUint32(out: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    out[at] = zero + value;
    return at + 1;
  }
  const end = at + digitsOf(value);
  let place = end;
  let rest = value;
  while (rest >= 100) {
    const quotient = (rest / 100) >>> 0;
    const pair = (rest - quotient * 100) * 2;
    place -= 2;
    out[place] = pairs[pair] as number;
    out[place + 1] = pairs[pair + 1] as number;
    rest = quotient;
  }
  if (rest >= 10) {
    out[place - 2] = pairs[rest * 2] as number;
    out[place - 1] = pairs[rest * 2 + 1] as number;
  } else {
    out[place - 1] = zero + rest;
  }
  return end;
}

/**
 * Writes 0 <= value < 2^32 and a comma, as token ids come in thousands; the four bytes behind what it writes may change.
 */
export function writeWithComma({ bytes, view }: Target, at: number, value: number): number {
  if (value >= 1_000_000) {
    const end = writeUint32(bytes, at, value);
    bytes[end] = comma;
    return end + 1;
  }
  const thousands = (value / 1_000) >>> 0;
  const first = shortDigits[thousands === 0 ? value : thousands] as number;
  view.setUint32(at, first, true);
  const end = at + (first >>> 24);
  if (thousands === 0) {
    bytes[end] = comma;
    return end + 1;
  }
  view.setUint32(end, threeDigitsAndComma[value - thousands * 1_000] as number, true);
  return end + 4;
}

/** Writes `high * 2^32 + low` in decimal, without a bigint; the byte behind what it writes may change. */
export function writeUint64({ bytes, view }: Target, at: number, high: number, low: number): number {
  if (high === 0) return writeUint32(bytes, at, low);
  // Long division by 10^9; no intermediate value exceeds 10^9 * 2^16, so doubles are exact.
  const first = Math.floor(high / billion);
  let dividend = (high - first * billion) * 65_536 + (low >>> 16);
  const second = Math.floor(dividend / billion);
  dividend = (dividend - second * billion) * 65_536 + (low & 0xffff);
  const third = Math.floor(dividend / billion);
  const lowest = dividend - third * billion;
  const quotient = first * 4_294_967_296 + second * 65_536 + third;
  const highest = Math.floor(quotient / billion);
  const middle = quotient - highest * billion;
  const start =
    highest === 0 ? writeUint32(bytes, at, middle) : writeNine(view, writeUint32(bytes, at, highest), middle);
  return writeNine(view, start, lowest);
}

/** Two hex digits for each byte of `bytes` from `span.from` to before `span.to`. */
export function writeHex(
  out: Uint8Array,
  at: number,
  bytes: Uint8Array,
  span: { readonly from: number; readonly to: number },
): number {
  let place = at;
  for (let offset = span.from; offset < span.to; offset += 1) {
    const pair = (bytes[offset] as number) * 2;
    out[place] = hexPairs[pair] as number;
    out[place + 1] = hexPairs[pair + 1] as number;
    place += 2;
  }
  return place;
}

/** Nine digits, zeros in front included. */
function writeNine(view: DataView, at: number, value: number): number {
  const upper = (value / 1_000) >>> 0;
  const highest = (upper / 1_000) >>> 0;
  view.setUint32(at, threeDigitsAndComma[highest] as number, true);
  view.setUint32(at + 3, threeDigitsAndComma[upper - highest * 1_000] as number, true);
  view.setUint32(at + 6, threeDigitsAndComma[value - upper * 1_000] as number, true);
  return at + 9;
}

/** From 10 on. */
function digitsOf(value: number): number {
  if (value < 10_000) return value < 100 ? 2 : value < 1_000 ? 3 : 4;
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8;
  return value < 1_000_000_000 ? 9 : 10;
}

function wordOf(digits: string): number {
  return Buffer.from(digits.padEnd(4, '\0')).readUInt32LE();
}
