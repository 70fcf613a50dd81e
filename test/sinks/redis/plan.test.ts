import { describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../../src/core/batch.ts';
import { checkpointText } from '../../../src/core/checkpoint.ts';
import { atLeastOnceArguments } from '../../../src/sinks/redis/at-least-once.ts';
import type { Call } from '../../../src/sinks/redis/draft.ts';
import { exactlyOnceArguments } from '../../../src/sinks/redis/exactly-once.ts';
import { Keys } from '../../../src/sinks/redis/keys.ts';
import { planCalls } from '../../../src/sinks/redis/plan.ts';
import type { Argument } from '../../../src/sinks/redis/request.ts';
import { batchOf, documentsOf, eventBatch, eventBatches, eventDocument, testStream } from '../../support/batches.ts';

const stream = testStream();

function plan(batches: readonly RecordBatch[], options: { template?: string; maxRecordBytes?: number } = {}): Call[] {
  const { template = 'kv-events', maxRecordBytes = 1_000_000 } = options;
  return planCalls(batches, { keys: new Keys(template, null), maxRecordBytes });
}

function linesFor(calls: readonly Call[], key: string): string[] {
  const text = calls.map((call) => Buffer.concat(call.documents[call.keys.indexOf(key)] ?? []).toString()).join('');
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
    const [documents] = plan([batch])[0]?.documents[0] ?? [];
    expect(documents?.buffer).toBe(batch.bytes.buffer);
    expect(documents).toEqual(batch.bytes);
  });

  it('needs no call for nothing, but one for a batch without records: its checkpoint moves', () => {
    expect(plan([])).toEqual([]);
    const [call] = plan([batchOf(stream, [])]);
    expect(call).toMatchObject({ keys: ['kv-events'], documents: [[Buffer.alloc(0)]] });
    expect(call?.shares).toMatchObject([{ complete: { ends: [] }, begun: null }]);
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

describe('planCalls for the checkpoints', () => {
  it('names for each stream what precedes its first batch and the last that is complete', () => {
    const [a, b] = [testStream('a'), testStream('b')];
    const batches = [eventBatch(a, 4), eventBatch(b, 0), eventBatch(a, 5, 2)];
    const [call] = plan(batches);
    expect(call?.shares).toEqual([
      { stream: a.id, follows: batches[0]?.follows, complete: batches[2], begun: null },
      { stream: b.id, follows: null, complete: batches[1], begun: null },
    ]);
    expect(call?.steps.map(({ share, from, to, runs }) => [share, from, to, runs])).toEqual([
      [1, 0, 1, [{ key: 1, records: 1 }]],
      [2, 0, 1, [{ key: 1, records: 1 }]],
      [1, 0, 2, [{ key: 1, records: 2 }]],
    ]);
  });

  it('says of a batch that is cut which records are in which call, and completes it with the last', () => {
    const batches = [eventBatch(stream, 0, 600), eventBatch(stream, 1, 1_500)];
    const calls = plan(batches);
    expect(calls.map((call) => call.steps.map(({ from, to }) => [from, to]))).toEqual([
      [[0, 600]],
      [[0, 1_000]],
      [[1_000, 1_500]],
    ]);
    expect(calls.map(({ shares }) => [shares[0]?.complete ?? null, shares[0]?.begun?.to ?? null])).toEqual([
      [batches[0], null],
      [null, 1_000],
      [batches[1], null],
    ]);
  });

  it('counts dead letters as records of their batch, and each such batch once', () => {
    const documents = [0, 1, 2, 3].map((index) =>
      eventDocument(stream, { seq: 1, index, text: index % 2 === 0 ? 'x'.repeat(2_000) : 'x' }),
    );
    const calls = plan([eventBatch(stream, 0), batchOf(stream, documents, 1)], { maxRecordBytes: 1_500 });
    expect([...(calls[0]?.refused ?? [])].map(([index, frames]) => [index, frames.size])).toEqual([[1, 1]]);
    expect(calls[0]?.steps[1]).toMatchObject({
      from: 0,
      to: 4,
      runs: [2, 1, 2, 1].map((key) => ({ key, records: 1 })),
    });
  });
});

describe('planCalls of frames that came together', () => {
  const together = (texts: readonly string[]): RecordBatch => {
    const documents = texts.map((text, seq) => eventDocument(stream, { seq, text }));
    const last = batchOf(stream, documents, texts.length - 1);
    const covers = { epoch: 1, from: 0n, to: BigInt(texts.length - 1), numbered: true };
    return { ...last, covers, follows: null, frames: texts.length, frameEnds: texts.map((_, index) => index + 1) };
  };

  it('leaves them together where nothing is refused', () => {
    const [call, ...others] = plan([together(['a', 'b', 'c'])]);
    expect(others).toEqual([]);
    expect(call?.steps).toHaveLength(1);
    expect(call?.steps[0]).toMatchObject({ from: 0, to: 3, runs: [{ key: 1, records: 3 }] });
  });

  it('takes them apart around one that is refused, so that no call ends in the middle of them', () => {
    const batch = together(['a', 'x'.repeat(2_000), 'c', 'y'.repeat(2_000)]);
    const [call] = plan([batch], { maxRecordBytes: 1_500 });
    expect(call?.steps.map(({ batch: { covers, ends } }) => [covers?.from, ends.length])).toEqual(
      [0n, 1n, 2n, 3n].map((seq) => [seq, 1]),
    );
    expect([...(call?.refused ?? [])].map(([index, frames]) => [index, frames.size])).toEqual([[0, 2]]);
    expect(call?.shares[0]?.complete?.checkpoint).toEqual(batch.checkpoint);
  });
});

const terms = { bridge: 'b', field: 'record', keep: '10', age: '2000' };

describe('what the scripts are given', () => {
  const batches = eventBatches(stream, 3, 100);
  const last = checkpointText(batches[99]?.checkpoint ?? never());
  const planned = (what: readonly RecordBatch[]) => plan(what)[0] ?? never();
  const whole = (args: readonly Argument[]) => Buffer.concat(args.at(-1) as Buffer[]);

  it('is at least once one argument per key and two per stream, however many records', () => {
    const args = atLeastOnceArguments(planned(batches), terms);
    expect(args.slice(0, -1)).toEqual(['b', 'record', '10', '2000', '1', stream.id, last]);
    expect(whole(args)).toEqual(Buffer.concat(batches.map(({ bytes }) => bytes)));
  });

  it('is at least once no checkpoint of a batch that a later call completes', () => {
    const args = atLeastOnceArguments(planned([eventBatch(stream, 1, 1_500)]), terms);
    expect(args.slice(0, -1)).toEqual(['b', 'record', '10', '2000', '0']);
  });

  it('is exactly once four arguments per stream, and where each batch stands', () => {
    const args = exactlyOnceArguments(planned(batches), '5 me', terms);
    expect(args.toSpliced(6, 1).slice(0, -1)).toEqual([
      ...['b', '5 me', 'record', '10', '2000', '1'],
      ...[stream.id, '{"epoch":1763800000000,"seq":"2","sub":0}', last, ''],
    ]);
    expect(whole(args)).toEqual(Buffer.concat(batches.map(({ bytes }) => bytes)));
    expect(exactlyOnceArguments(planned([eventBatch(stream, 0), eventBatch(stream, 1, 2)]), '5 me', terms)[6]).toBe(
      '1 0001763800000000.00000000000000000001.000000000000 0 1 1 1:1\n' +
        '1 0001763800000000.00000000000000000002.000000000000 0 2 2 1:2\n',
    );
  });
});

function never(): never {
  throw new Error('there are 100 batches');
}
