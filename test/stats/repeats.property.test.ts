import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Stats } from '../../src/stats/stats.ts';
import { eventDocument, testStream } from '../support/batches.ts';

const limits = { maxBlocks: 10_000, maxStreams: 100 };

/** A stream in order, which is written again from some place on, now and then: as a sink that writes at least once has it. */
const deliveries = fc.array(
  fc.record({
    batches: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 12 }),
    back: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 6 },
);

function written(
  list: readonly { readonly batches: readonly number[]; readonly back: number }[],
  pod: string,
): string[] {
  const stream = testStream(pod);
  const counts: number[] = [];
  const documents: string[] = [];
  for (const { batches, back } of list) {
    const from = Math.max(0, counts.length - back);
    counts.push(...batches);
    for (let seq = from; seq < counts.length; seq += 1) {
      const count = counts[seq] ?? 0;
      for (let index = 0; index < count; index += 1) documents.push(eventDocument(stream, { seq, index, count }));
    }
  }
  return documents;
}

describe('duplicates by id', () => {
  it('are as many as a list of all ids would find, with no list of them', () => {
    fc.assert(
      fc.property(deliveries, deliveries, (one, other) => {
        const documents = [...written(one, 'a'), ...written(other, 'b')];
        const stats = new Stats(limits);
        for (const document of documents) stats.add(document);
        const ids = new Set(documents.map((document) => (JSON.parse(document) as { id: string }).id));
        const report = stats.report();
        expect(report.duplicates).toBe(documents.length - ids.size);
        expect(report).toMatchObject({ records: documents.length, unexplained: '0', duplicates_exact: true });
        expect(report.types).toEqual(ids.size === 0 ? {} : { BlockStored: ids.size });
      }),
    );
  });

  it('and numbers that nobody accounts for', () => {
    const stats = new Stats(limits);
    const stream = testStream();
    for (const seq of [0, 1, 4, 7]) stats.add(eventDocument(stream, { seq }));
    expect(stats.report()).toMatchObject({ unexplained: '4', gaps: 0, missing: '0' });
  });

  it('says that it is not exact where there are more streams than it tells apart', () => {
    const stats = new Stats({ ...limits, maxStreams: 2 });
    for (const pod of ['a', 'b', 'c']) stats.add(eventDocument(testStream(pod), { seq: 0 }));
    expect(stats.report()).toMatchObject({
      records: 3,
      duplicates_exact: false,
      streams: { known: 2, records_of_others: 1 },
    });
  });

  it('counts what is no record as such', () => {
    const stats = new Stats(limits);
    for (const text of ['', '{', '[]', '{"v":1}', '"x"']) stats.add(text);
    expect(stats.report()).toMatchObject({ records: 0, unreadable: 5 });
  });
});
