import type { Target } from './digits.ts';
import { writeUint32 } from './digits.ts';

/** Most bytes that `writeTime` writes. */
export const maxTime = 32;

/** Seconds since 1970 from 2004 to 2038: there a double has steps of 2^-22 s. */
const first = 2 ** 30;
const end = 2 ** 31;
/** Half a step, in millionths: what is nearer than this to a double is read as that double. */
const nearest = 1e6 / 2 ** 23;
const zero = 48;
const point = 0x2e;

/**
 * Writes a number as `JSON.stringify` does: the fewest digits that are read as the same double, and of those the nearest.
 * A time of the years around now takes seven places or fewer, which are found with exact arithmetic: the fraction has 22
 * bits, so its product with 10^7 fits a double. Everything else goes the library's way. Returns the offset behind it.
 */
export function writeTime(target: Target, at: number, value: number | null): number {
  if (value === null || !(value >= first && value < end)) return writeText(target.bytes, at, JSON.stringify(value));
  const seconds = Math.floor(value);
  const fraction = value - seconds;
  const millionths = fraction * 1e6;
  const six = Math.round(millionths);
  const distance = Math.abs(millionths - six);
  // 10^6 millionths are a whole second: `fraction` is too near to it for six places, and seven are looked at.
  if (distance < nearest && six < 1e6) return writePlaces(target.bytes, writeUint32(target.bytes, at, seconds), six, 6);
  const exact = fraction * 1e7;
  const seven = Math.round(exact);
  // Two that are equally near, or a carry: rare enough for the library.
  if (distance === nearest || six === 1e6 || seven - exact === 0.5) {
    return writeText(target.bytes, at, JSON.stringify(value));
  }
  return writePlaces(target.bytes, writeUint32(target.bytes, at, seconds), seven, 7);
}

/** A point and `places` digits, without the zeros at their end; nothing for 0. */
function writePlaces(bytes: Uint8Array, at: number, value: number, places: number): number {
  if (value === 0) return at;
  let rest = value;
  let left = places;
  while (rest % 10 === 0) {
    rest = rest / 10;
    left -= 1;
  }
  bytes[at] = point;
  for (let place = at + left; place > at; place -= 1) {
    const tens = (rest / 10) >>> 0;
    bytes[place] = zero + rest - tens * 10;
    rest = tens;
  }
  return at + left + 1;
}

function writeText(bytes: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index += 1) bytes[at + index] = text.charCodeAt(index);
  return at + text.length;
}
