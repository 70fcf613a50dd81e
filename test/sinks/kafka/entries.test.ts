import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordAt } from '../../../src/core/batch.ts';
import type { Entry, Records } from '../../../src/sinks/kafka/entries.ts';
import {
  countOf,
  halves,
  isStartOf,
  nthValue,
  recordsOf,
  single,
  sizeOf,
  without,
} from '../../../src/sinks/kafka/entries.ts';
import { eventBatch, testStream } from '../../support/batches.ts';

const stream = testStream();
const key = Buffer.from('key');

const batchesOf = (counts: readonly number[]) => counts.map((count, seq) => eventBatch(stream, seq, count));
const anyCounts = fc.array(fc.nat(5), { minLength: 1, maxLength: 6 });

function entryOf({ batch, from, count }: Records): Entry {
  return {
    batch,
    from,
    count,
    topic: 't',
    partition: 0,
    key,
    values: batch,
    first: from,
    deadLetter: null,
    alone: false,
  };
}

/** Every record by itself. */
const flat = (records: readonly Records[]) =>
  records.flatMap(({ batch, from, count }) =>
    Array.from({ length: count }, (_, index) => ({ batch, at: from + index })),
  );

describe('records of batches', () => {
  it('are all of them, less the first so many', () => {
    fc.assert(
      fc.property(anyCounts, fc.nat(30), (counts, first) => {
        const batches = batchesOf(counts);
        const all = batches.flatMap((batch) => batch.ends.map((_, at) => ({ batch, at })));
        expect(flat(recordsOf(batches))).toEqual(all);
        expect(flat(without(recordsOf(batches), first))).toEqual(all.slice(first));
        expect(without(recordsOf(batches), first).every(({ count }) => count > 0)).toBe(true);
      }),
    );
  });

  it('are recognised by the entries they became, however those were cut', () => {
    fc.assert(
      fc.property(anyCounts, fc.nat(30), fc.nat(30), (counts, cut, length) => {
        const records = recordsOf(batchesOf(counts));
        const [head, tail] = halves(records.map(entryOf), cut);
        const [start] = halves([...head, ...tail], length);
        expect(isStartOf(start, records)).toBe(true);
        const total = countOf(records);
        if (countOf(start) < total) expect(isStartOf([...start, ...start], records)).toBe(start.length === 0);
        if (total > 0 && start.length > 0) expect(isStartOf(start, without(records, 1))).toBe(false);
      }),
    );
  });

  it('stay the same values when they are halved', () => {
    fc.assert(
      fc.property(anyCounts, fc.nat(30), (counts, cut) => {
        const entries = recordsOf(batchesOf(counts)).map(entryOf);
        const [head, tail] = halves(entries, cut);
        expect(countOf(head)).toBe(Math.min(cut, countOf(entries)));
        const values = [...head, ...tail].flatMap((entry) =>
          Array.from({ length: entry.count }, (_, index) => nthValue(entry, index).toString()),
        );
        const expected = flat(recordsOf(entries.map(({ batch }) => batch)));
        expect(values).toEqual(expected.map(({ batch, at }) => recordAt(batch, at).toString()));
        const sizes = [...head, ...tail].reduce((sum, entry) => sum + sizeOf(entry), 0);
        expect(sizes).toBe(values.reduce((sum, value) => sum + value.length + key.length + 40, 0));
      }),
    );
  });

  it('can be one that stands alone', () => {
    const one = single(key, Buffer.from('value'), { receivedAt: 5 });
    expect([one.count, nthValue(one, 0).toString(), sizeOf(one)]).toEqual([1, 'value', 48]);
  });
});
