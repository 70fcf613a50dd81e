import fc from 'fast-check';

/** The first byte of every msgpack integer that has bytes behind it, and how many. */
export const widths = [
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
] as const;

/** `value` in just this width, whether or not a shorter one would do; only its lowest bytes where it does not fit. */
export function integer(first: number, width: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value), 1);
  return Buffer.concat([Buffer.of(first), bytes.subarray(9 - width)]);
}

export function binary(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0xc4, bytes.length), bytes]);
}

/** With the longest header: one length fits all. */
export function listOf(items: readonly Buffer[]): Buffer {
  const head = Buffer.of(0xdd, 0, 0, 0, 0);
  head.writeUInt32BE(items.length, 1);
  return Buffer.concat([head, ...items]);
}

/** `[1.5, [["BlockStored", hashes, nil, tokens, 16]], 0]`; the others are lists as they stand on the wire. */
export function messageOf(hashes: Buffer, tokens: Buffer): Buffer {
  const head = Buffer.from('93cb3ff80000000000009195ab426c6f636b53746f726564', 'hex');
  return Buffer.concat([head, hashes, Buffer.of(0xc0), tokens, Buffer.of(16, 0)]);
}

/** Where the number of digits, the width or the way of writing changes. */
const edges = [
  ...Array.from({ length: 20 }, (_, digits) => 10n ** BigInt(digits)),
  ...[7n, 8n, 15n, 16n, 31n, 32n, 53n, 63n, 64n].map((bits) => 2n ** bits),
];
const value = fc.oneof(
  fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n),
  fc.bigInt(0n, 200_000n),
  fc
    .tuple(fc.constantFrom(...edges), fc.bigInt(-2n, 2n), fc.constantFrom(1n, -1n))
    .map(([edge, by, sign]) => sign * edge + by),
);
const wide = fc.tuple(fc.constantFrom(...widths), value).map(([[first, width], sent]) => integer(first, width, sent));
/** Positive and negative ones of a single byte. */
const single = fc.oneof(fc.nat(0x7f), fc.integer({ min: 0xe0, max: 0xff })).map((byte) => Buffer.of(byte));
const usual = fc.oneof(
  fc.integer({ min: 256, max: 0xffff }).map((sent) => integer(0xcd, 2, BigInt(sent))),
  fc.integer({ min: 0x1_0000, max: 160_000 }).map((sent) => integer(0xce, 4, BigInt(sent))),
);
export const anyInteger = fc.oneof(usual, wide, single);
export const anyHash = fc.oneof(
  wide,
  single,
  fc.uint8Array({ maxLength: 255, size: 'max' }).map(binary),
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map(binary),
);

/** What is neither an integer nor a short byte string: nil, a boolean, floats, texts, other bytes, a list, a map, ext, nothing. */
export const foreign: readonly Buffer[] = [
  'c0',
  'c3',
  'ca3fc00000',
  'cb3ff8000000000000',
  'a161',
  'a0',
  'd90161',
  'da000161',
  'c500020102',
  'c60000000101',
  '9101',
  '80',
  'd40100',
  'c70101ff',
  'c1',
  'dc0000',
  'dd00000000',
  'de0000',
  'df00000000',
].map((hex) => Buffer.from(hex, 'hex'));
