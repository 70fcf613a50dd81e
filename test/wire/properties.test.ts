import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePayload } from '../../src/wire/decode.ts';
import { renderBatch, renderEvents } from '../../src/wire/records.ts';
import { readTopic } from '../../src/wire/topic.ts';
import { anyEncoding } from './arbitraries.ts';
import { batchOf, documentsOf, envelope, pack } from './support.ts';

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
