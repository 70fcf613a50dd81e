import fc from 'fast-check';
import { pack } from './support.ts';

/** A value as it is sent and as the record must have it. */
interface Pair {
  readonly sent: unknown;
  readonly kept: unknown;
}

const same = (sent: unknown): Pair => ({ sent, kept: sent });
const nil = fc.constant(same(null));
const hash: fc.Arbitrary<Pair> = fc.oneof(
  // Every width, both signs, around 2^53, 2^63 and 2^64.
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map((sent) => ({ sent, kept: String(sent) })),
  fc.integer().map((sent) => ({ sent, kept: String(sent) })),
  fc
    .bigInt({ min: -5n, max: 5n })
    .chain((near) =>
      fc
        .constantFrom(2n ** 53n, 2n ** 63n, -(2n ** 53n))
        .map((far) => ({ sent: far + near, kept: String(far + near) })),
    ),
  fc.uint8Array({ maxLength: 40 }).map((sent) => ({ sent, kept: `0x${Buffer.from(sent).toString('hex')}` })),
);
const hashes = list(hash);
const integer = fc.oneof(fc.integer().map(same), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }).map(textual), nil);
const text = fc.oneof(fc.string({ unit: 'grapheme' }).map(same), nil);
const token = fc.oneof(
  fc.nat(0xffff_ffff).map(same),
  fc.string().map(same),
  fc.bigInt(2n ** 60n, 2n ** 63n).map(textual),
);
const tokens = fc.oneof(list(fc.nat(0xffff_ffff).map(same)), list(token), list(list(token)), nil);
const opaque = fc.oneof(list(fc.oneof(text, nil, list(text))), nil);

function textual(sent: bigint): Pair {
  return { sent, kept: String(sent) };
}

function list(item: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> {
  return fc
    .array(item, { maxLength: 8 })
    .map((items) => ({ sent: items.map(({ sent }) => sent), kept: items.map(({ kept }) => kept) }));
}

const storedSlots: [string, fc.Arbitrary<Pair>][] = [
  ['block_hashes', hashes],
  ['parent_block_hash', fc.oneof(hash, nil)],
  ['token_ids', tokens],
  ['block_size', integer],
  ['lora_id', integer],
  ['medium', text],
  ['lora_name', text],
  ['extra_keys', opaque],
  ['group_idx', integer],
  ['kv_cache_spec_kind', text],
  ['kv_cache_spec_sliding_window', integer],
];
const removedSlots: [string, fc.Arbitrary<Pair>][] = [
  ['block_hashes', hashes],
  ['medium', text],
  ['group_idx', integer],
];
const onlyMaps: [string, fc.Arbitrary<Pair>][] = [
  ['locality', text],
  ['session_id', text],
  ['lookahead_token_ids', tokens],
  ['skipped_parent_block_hash', fc.oneof(hash, nil)],
  ['mm_keys', opaque],
  ['token_offset', integer],
];

export interface Sent {
  readonly wire: unknown;
  readonly record: Record<string, unknown>;
}

function arrayEvent(type: string, slots: [string, fc.Arbitrary<Pair>][]): fc.Arbitrary<Sent> {
  const values = fc.tuple(...slots.map(([, value]) => value));
  return fc.tuple(values, fc.nat(slots.length)).map(([pairs, length]) => ({
    wire: [type, ...pairs.slice(0, length).map(({ sent }) => sent)],
    record: { type, ...Object.fromEntries(pairs.slice(0, length).map(({ kept }, i) => [slots[i]?.[0], kept])) },
  }));
}

function mapEvent(type: string, fields: [string, fc.Arbitrary<Pair>][]): fc.Arbitrary<Sent> {
  const object = fc.record(Object.fromEntries(fields), { requiredKeys: [] });
  return object.map((pairs) => ({
    wire: { type, ...mapValues(pairs as Record<string, Pair>, ({ sent }) => sent) },
    record: { type, ...mapValues(pairs as Record<string, Pair>, ({ kept }) => kept) },
  }));
}

function mapValues<T, R>(object: Record<string, T>, convert: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, convert(value)]));
}

const event = fc.oneof(
  arrayEvent('BlockStored', storedSlots),
  arrayEvent('BlockRemoved', removedSlots),
  arrayEvent('AllBlocksCleared', [['medium', text]]),
  mapEvent('BlockStored', [...storedSlots, ...onlyMaps]),
  mapEvent('BlockRemoved', [...removedSlots, ...onlyMaps]),
  mapEvent('SomethingNew', storedSlots),
);
/** Events as lists, maps and bytes, with the record that each has to become. */
export const anyEncoding = fc
  .tuple(event, fc.boolean())
  .map(([{ wire, record }, nested]) => ({ wire: nested ? pack(wire) : wire, record }));
