import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chunk, Entry } from '../../../src/sinks/kafka/chunks.ts';
import { chunksOf, sizeOf } from '../../../src/sinks/kafka/chunks.ts';
import { eventBatch, testStream } from '../../support/batches.ts';

const batch = eventBatch(testStream(), 0);

function entryOf(
  index: number,
  options: { topic?: string; partition?: number; bytes?: number; alone?: boolean },
): Entry {
  const { topic = 't', partition = 0, bytes = 10, alone = false } = options;
  return {
    batch,
    index,
    topic,
    partition,
    key: Buffer.from('key'),
    value: Buffer.alloc(bytes),
    deadLetter: null,
    alone,
  };
}

const anyEntry = fc.record({
  topic: fc.constantFrom('a', 'b'),
  partition: fc.integer({ min: 0, max: 3 }),
  bytes: fc.integer({ min: 0, max: 3_000 }),
  alone: fc.boolean(),
});

function expectSound({ parts, entries }: Chunk, maxRecords: number): void {
  expect(parts.flatMap((part) => part.entries).toSorted((a, b) => a.index - b.index)).toEqual(entries);
  if (entries.some(({ alone }) => alone)) expect(entries).toHaveLength(1);
  for (const part of parts) {
    expect(part.entries.length).toBeLessThanOrEqual(maxRecords);
    const bytes = part.entries.reduce((sum, entry) => sum + sizeOf(entry), 96);
    if (part.entries.length > 1) expect(bytes).toBeLessThanOrEqual(2_000);
    expect(part.entries.every(({ topic, partition }) => topic === part.topic && partition === part.partition)).toBe(
      true,
    );
    const places = part.entries.map(({ index }) => index);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  }
}

describe('cutting records into sends', () => {
  it('keeps every record once, in order per partition, within the bounds', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 60 }), fc.integer({ min: 1, max: 7 }), (shapes, maxRecords) => {
        const entries = shapes.map((shape, index) => entryOf(index, shape));
        const chunks = [...chunksOf(entries, maxRecords, () => 2_000)];
        expect(chunks.flatMap((chunk) => chunk.entries)).toEqual(entries);
        for (const chunk of chunks) expectSound(chunk, maxRecords);
      }),
    );
  });

  it('uses the bound of each topic', () => {
    const entries = [0, 1, 2, 3].map((index) => entryOf(index, { topic: index < 2 ? 'small' : 'large', bytes: 600 }));
    const chunks = [...chunksOf(entries, 100, (topic) => (topic === 'small' ? 1_000 : 10_000))];
    expect(chunks.map((chunk) => chunk.entries.map(({ index }) => index))).toEqual([[0], [1, 2, 3]]);
  });
});
