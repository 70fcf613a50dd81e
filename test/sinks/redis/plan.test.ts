import { describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../../src/core/batch.ts';
import { Keys } from '../../../src/sinks/redis/keys.ts';
import type { Call } from '../../../src/sinks/redis/plan.ts';
import { planCalls } from '../../../src/sinks/redis/plan.ts';
import { keepAll, scriptArguments } from '../../../src/sinks/redis/script.ts';
import { batchOf, documentsOf, eventBatch, eventDocument, testStream } from '../../support/batches.ts';

const stream = testStream();

function plan(batches: readonly RecordBatch[], options: { template?: string; maxRecordBytes?: number } = {}): Call[] {
  const { template = 'kv-events', maxRecordBytes = 1_000_000 } = options;
  return [...planCalls(batches, { keys: new Keys(template, null), maxRecordBytes })];
}

function linesFor(calls: readonly Call[], key: string): string[] {
  const text = calls.map((call) => call.documents.get(key)?.toString() ?? '').join('');
  return text.split('\n').slice(0, -1);
}

describe('planCalls', () => {
  it('makes one call of many small batches', () => {
    const batches = Array.from({ length: 300 }, (_, seq) => eventBatch(stream, seq, 3));
    const calls = plan(batches);
    expect(calls).toHaveLength(1);
    expect(linesFor(calls, 'kv-events')).toEqual(documentsOf(batches));
  });

  it('copies nothing of a batch that fills a call alone', () => {
    const batch = eventBatch(stream, 0, 10);
    const documents = plan([batch])[0]?.documents.get('kv-events');
    expect(documents?.buffer).toBe(batch.bytes.buffer);
    expect(documents).toEqual(batch.bytes);
  });

  it('needs no call for nothing', () => {
    expect(plan([])).toEqual([]);
    expect(plan([batchOf(stream, [])])).toEqual([]);
  });

  it('bounds the records of a call, also within one batch, and says where each call begins', () => {
    const batches = [eventBatch(stream, 0, 600), eventBatch(stream, 1, 600), eventBatch(stream, 2, 2_500)];
    const calls = plan(batches);
    expect(calls.map(({ firstBatch }) => firstBatch)).toEqual([0, 1, 2, 2, 2]);
    expect(calls.map((call) => linesFor([call], 'kv-events').length)).toEqual([600, 600, 1_000, 1_000, 500]);
    expect(linesFor(calls, 'kv-events')).toEqual(documentsOf(batches));
  });

  it('bounds the bytes of a call; a record larger than that goes alone', () => {
    const sizes = [500_000, 500_000, 500_000, 3_000_000, 10];
    const batch = batchOf(
      stream,
      sizes.map((size, index) => eventDocument(stream, { seq: 0, index, text: 'x'.repeat(size) })),
    );
    const calls = plan([batch], { maxRecordBytes: 4_000_000 });
    expect(calls.map((call) => linesFor([call], 'kv-events').length)).toEqual([2, 1, 1, 1]);
    expect(linesFor(calls, 'kv-events')).toEqual(documentsOf([batch]));
  });

  it('keeps the order of each key when streams alternate', () => {
    const pods = ['a', 'b', 'c'];
    const batches = Array.from({ length: 900 }, (_, n) => eventBatch(testStream(pods[n % 3]), Math.floor(n / 3), 2));
    const calls = plan(batches, { template: 'kv:{pod}' });
    expect(calls).toHaveLength(2);
    for (const pod of pods) {
      expect(linesFor(calls, `kv:${pod}`)).toEqual(documentsOf(batches.filter((batch) => batch.stream.pod === pod)));
    }
  });

  it('takes the records that are too large out of their batch, wherever they stand', () => {
    const text = (index: number) => ([0, 3, 4, 7].includes(index) ? 'x'.repeat(2_000) : 'x');
    const documents = Array.from({ length: 8 }, (_, index) =>
      eventDocument(stream, { seq: 1, index, text: text(index) }),
    );
    const calls = plan([batchOf(stream, documents)], { maxRecordBytes: 1_500 });
    expect(linesFor(calls, 'kv-events')).toEqual([1, 2, 5, 6].map((index) => documents[index]));
    const letters = linesFor(calls, 'kv-events:dead-letter').map((line) => JSON.parse(line));
    expect(letters.map(({ index, reason, target }) => [index, reason, target])).toEqual(
      [0, 3, 4, 7].map((index) => [index, 'too_large', 'kv-events']),
    );
    expect(Buffer.from(letters[0].raw, 'base64').toString()).toBe(documents[0]);
    expect(Object.fromEntries(calls[0]?.deadLetters ?? [])).toEqual({ too_large: 4 });
  });

  it('counts the limit of a record without its newline', () => {
    const batch = eventBatch(stream, 0);
    const exact = batch.bytes.length - 1;
    expect(plan([batch], { maxRecordBytes: exact })[0]?.deadLetters.size).toBe(0);
    expect(plan([batch], { maxRecordBytes: exact - 1 })[0]?.deadLetters.size).toBe(1);
  });
});

describe('scriptArguments', () => {
  it('gives one argument per key, however many records', () => {
    const documents = new Map([
      ['a', Buffer.from('{}\n{}\n')],
      ['b', Buffer.alloc(0)],
    ]);
    expect(scriptArguments('record', { maxLen: 10, maxAge: 2_000 }, documents)).toEqual([
      '2',
      'a',
      'b',
      'record',
      '10',
      '2000',
      Buffer.from('{}\n{}\n'),
      Buffer.alloc(0),
    ]);
    expect(scriptArguments('record', keepAll, documents).slice(4, 6)).toEqual(['', '']);
  });
});
