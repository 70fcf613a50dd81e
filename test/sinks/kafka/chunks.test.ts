import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chunk } from '../../../src/sinks/kafka/chunks.ts';
import { chunksOf, recordsIn } from '../../../src/sinks/kafka/chunks.ts';
import type { Entry } from '../../../src/sinks/kafka/entries.ts';
import { sizeOf } from '../../../src/sinks/kafka/entries.ts';
import { eventBatch, testStream } from '../../support/batches.ts';

const batch = eventBatch(testStream(), 0);

interface Shape {
  readonly topic?: string;
  readonly partition?: number;
  readonly bytes?: number;
  readonly count?: number;
  readonly alone?: boolean;
}

function entryOf(from: number, { topic = 't', partition = 0, bytes = 10, count = 1, alone = false }: Shape): Entry {
  const ends = Array.from({ length: count }, (_, index) => (index + 1) * (bytes + 1));
  const values = { bytes: Buffer.alloc(count * (bytes + 1)), ends };
  const what = { batch, from, count, topic, partition, key: Buffer.from('key'), values, first: 0 };
  return { ...what, deadLetter: null, alone };
}

const anyEntry = fc.record({
  topic: fc.constantFrom('a', 'b'),
  partition: fc.integer({ min: 0, max: 3 }),
  bytes: fc.integer({ min: 0, max: 900 }),
  count: fc.integer({ min: 1, max: 3 }),
  alone: fc.boolean(),
});

function expectSound({ parts, entries }: Chunk, maxRecords: number): void {
  expect(parts.flatMap((part) => part.entries).toSorted((a, b) => a.from - b.from)).toEqual(entries);
  if (entries.some(({ alone }) => alone)) expect(entries).toHaveLength(1);
  for (const part of parts) {
    const bytes = part.entries.reduce((sum, entry) => sum + sizeOf(entry), 96);
    if (part.entries.length > 1) {
      expect(bytes).toBeLessThanOrEqual(2_000);
      expect(recordsIn(part)).toBeLessThanOrEqual(maxRecords);
    }
    expect(part.entries.every(({ topic, partition }) => topic === part.topic && partition === part.partition)).toBe(
      true,
    );
    const places = part.entries.map(({ from }) => from);
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
    expect(chunks.map((chunk) => chunk.entries.map(({ from }) => from))).toEqual([[0], [1, 2, 3]]);
  });
});
