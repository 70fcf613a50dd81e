import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePayload } from '../../src/wire/decode.ts';
import { renderBatch, renderEvents } from '../../src/wire/records.ts';
import { readTopic } from '../../src/wire/topic.ts';
import { batchOf, documentsOf, envelope, pack } from './support.ts';

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

interface Sent {
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
const anyEncoding = fc
  .tuple(event, fc.boolean())
  .map(([{ wire, record }, nested]) => ({ wire: nested ? pack(wire) : wire, record }));

describe('batches of every shape', () => {
  it('come out as they were sent, one record per event and all in one', () => {
    fc.assert(
      fc.property(
        fc.array(anyEncoding, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        fc.double(),
        (events, map, ts) => {
          const sent = events.map(({ wire }) => wire);
          const batch = batchOf(pack(map ? { ts, events: sent, data_parallel_rank: 1 } : [ts, sent, 1]));
          const records = documentsOf(renderEvents(envelope(), batch));
          const expected = events.map(({ record }) => record);
          expect(records.map(({ type, event }) => ({ type, ...(event as object) }))).toEqual(expected);
          expect(new Set(records.map(({ id }) => id)).size).toBe(events.length);
          const [whole, ...rest] = documentsOf(renderBatch(envelope(), batch));
          expect(whole?.['events']).toEqual(expected);
          expect(rest).toEqual([]);
          if (Number.isFinite(ts)) expect(whole?.['ts']).toBe(ts === 0 ? 0 : ts);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('give each record its own id, whatever else is in them', () => {
    const anything = fc.oneof(
      fc.anything({ withBigInt: false, withNullPrototype: false, withUnicodeString: true }).filter(isPackable),
      anyEncoding.map(({ wire }) => wire),
    );
    fc.assert(
      fc.property(fc.array(anything, { minLength: 1, maxLength: 8 }), (events) => {
        const batch = batchOf(pack([1.5, events, 0]));
        for (const render of [renderEvents, renderBatch]) {
          const ids = documentsOf(render(envelope(), batch)).map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
        }
        expect(renderEvents(envelope(), batch).ends).toHaveLength(events.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe('any bytes at all', () => {
  it('are read without an error as a payload and as a topic', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const payload = Buffer.from(bytes);
        const decoded = decodePayload(payload);
        if (decoded.ok) documentsOf(renderEvents(envelope(), decoded.batch));
        else expect(decoded.failure.raw).toBe(payload);
        const { text, pod, model } = readTopic(payload);
        expect((pod === null) === (model === null)).toBe(true);
        if (pod !== null) expect(text).toBe(`kv@${pod}@${model}`);
      }),
      { numRuns: 2_000 },
    );
  });

  it('as topics never fall together unless they differ only behind a NUL', () => {
    const topic = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string({ maxLength: 6 }).map((s) => Buffer.from(s)),
    );
    fc.assert(
      fc.property(topic, topic, (a, b) => {
        const head = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1').split('\0')[0];
        const equal = readTopic(Buffer.from(a)).text === readTopic(Buffer.from(b)).text;
        expect(equal).toBe(head(a) === head(b));
      }),
      { numRuns: 2_000 },
    );
  });
});

function isPackable(value: unknown): boolean {
  try {
    pack(value);
    return true;
  } catch {
    return false;
  }
}
