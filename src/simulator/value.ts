import { Encoder } from '@msgpack/msgpack';

/** A value as an engine hands it to its msgpack encoder. */
export type WireValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly WireValue[]
  | { readonly [key: string]: WireValue };

/** The same value in the ground truth. */
export type TruthValue =
  | null
  | boolean
  | number
  | string
  | readonly TruthValue[]
  | { readonly [key: string]: TruthValue };

const encoder = new Encoder({ useBigInt64: true });

/** One msgpack document; integers in their shortest form, as msgspec writes them. */
export function encodeValue(value: WireValue): Buffer {
  return Buffer.from(encoder.encode(value));
}

/** An integer so that the encoder chooses the shortest form: with `useBigInt64` it writes every bigint in 9 bytes. */
export function integer(value: bigint): number | bigint {
  return value >= -(2n ** 31n) && value < 2n ** 32n ? Number(value) : value;
}

/** A block hash as text: integers in decimal with their sign, bytes as `0x` + hex. */
export function hashText(hash: WireValue): string | null {
  if (hash === null) return null;
  return hash instanceof Uint8Array ? `0x${Buffer.from(hash).toString('hex')}` : String(hash);
}

/** Any value as JSON; `$int` above 2^53-1, `$bin` for bytes. */
export function plain(value: WireValue): TruthValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'bigint') return plainInteger(value);
  if (typeof value === 'number') return value;
  if (value instanceof Uint8Array) return { $bin: Buffer.from(value).toString('hex') };
  if (isList(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function plainInteger(value: bigint): TruthValue {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : { $int: String(value) };
}

export function isList(value: WireValue): value is readonly WireValue[] {
  return Array.isArray(value);
}
