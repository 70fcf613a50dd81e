import { describe, expect, it } from 'vitest';
import { RecordQueue } from '../../src/http/record-queue.ts';
import { batchOf, testStream } from '../support/batches.ts';

const stream = testStream();
const drain = (queue: RecordQueue) => {
  const all: (string | number)[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) {
    all.push('skipped' in next ? next.skipped : next.record.toString());
  }
  return all;
};

describe('the records that wait for a reader', () => {
  it('come out one by one, in order', () => {
    const queue = new RecordQueue(10_000);
    queue.add(batchOf(stream, ['a', 'b']));
    queue.add(batchOf(stream, ['c']));
    expect(drain(queue)).toEqual(['a', 'b', 'c']);
    expect(queue.isEmpty).toBe(true);
  });

  it('are bounded in bytes; a notice stands where some are left out, and room comes back', () => {
    const queue = new RecordQueue(1_000);
    const large = 'x'.repeat(400);
    queue.add(batchOf(stream, [large]));
    queue.add(batchOf(stream, [large, large]));
    queue.add(batchOf(stream, [large]));
    queue.add(batchOf(stream, ['small']));
    expect(queue.next()).toEqual({ record: Buffer.from(large) });
    queue.add(batchOf(stream, ['late']));
    expect(drain(queue)).toEqual([3, 'small', 'late']);
  });

  it('counts small batches, too: they are not free', () => {
    const queue = new RecordQueue(10_000);
    for (let count = 0; count < 1_000; count += 1) queue.add(batchOf(stream, ['a']));
    const out = drain(queue);
    expect(out.at(-1)).toBe(1_000 - (out.length - 1));
    expect(out.length).toBeLessThan(50);
  });

  it('are copies: the memory that a batch shares with others is not held', () => {
    const queue = new RecordQueue(10_000);
    const batch = batchOf(stream, ['first']);
    queue.add(batch);
    batch.bytes.fill('!');
    expect(drain(queue)).toEqual(['first']);
  });
});
