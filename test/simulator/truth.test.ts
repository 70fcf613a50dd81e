import { describe, expect, it } from 'vitest';
import type { TruthLine } from '../../src/simulator/truth.ts';
import { compareTruth } from '../support/truth.ts';

const topic = 'kv@pod@model';

function line(sequence: number, hashes: readonly string[], incarnation?: number): TruthLine {
  return {
    topic,
    sequence: String(sequence),
    ...(incarnation === undefined ? {} : { incarnation }),
    ts: 0.5 + sequence,
    data_parallel_rank: 0,
    events: hashes.map((hash) => ({ type: 'BlockRemoved', block_hashes: [hash], medium: 'GPU' })),
  };
}

const skipped = (sequence: number): TruthLine => ({ topic, sequence: String(sequence), unpublished: true });

function head(seq: number | null, type: string) {
  return { id: `${seq}.${type}`, topic, data_parallel_rank: 0, epoch: 1, seq: seq === null ? null : String(seq), type };
}

function records(sequence: number, hashes: readonly string[]) {
  return hashes.map((hash, index) => ({
    ...head(sequence, 'BlockRemoved'),
    index,
    count: hashes.length,
    ts: 0.5 + sequence,
    event: { block_hashes: [hash], medium: 'GPU' },
  }));
}

const control = (seq: number, type: string, fields: object = {}) => ({
  ...head(seq, type),
  index: null,
  count: null,
  ts: null,
  ...fields,
});
const gap = (from: number, to: number) => control(from, 'StreamGap', { from_seq: String(from), to_seq: String(to) });

const truth = [line(0, ['1', '2']), line(1, []), skipped(2), line(3, ['3'])];
const right = [
  control(0, 'StreamStarted'),
  ...records(0, ['1', '2']),
  control(1, 'EmptyBatch'),
  gap(2, 2),
  ...records(3, ['3']),
];

describe('compareTruth', () => {
  it('counts what it found where everything is right', () => {
    expect(compareTruth(truth, right)).toEqual({ streams: 1, batches: 3, events: 3, emptyBatches: 1, gaps: 1 });
  });

  it.each([
    [
      'a missing event',
      right.filter((record) => record.index !== 1),
      /0\/0\/1 of 2 should come next, but 0\/1\/- of 0/,
    ],
    ['a missing end', right.slice(0, -1), /0\/3\/0 of 1 is missing, as is everything after it/],
    ['an event twice', [...right, ...records(3, ['3'])], /0\/3\/0 of 1 was never published, or is there twice/],
    ['another order', [...records(3, ['3']), ...right.slice(0, -1)], /0\/0\/0 of 2 should come next, but 0\/3\/0/],
    ['another hash', [...right.slice(0, -1), ...records(3, ['4'])], /block_hashes is \["4"\], published was \["3"\]/],
    [
      'a missing gap',
      right.filter((record) => record.type !== 'StreamGap'),
      /2 was never sent, but no StreamGap covers it/,
    ],
    [
      'a gap too wide',
      right.map((record) => (record.type === 'StreamGap' ? gap(2, 3) : record)),
      /covers 3, which was published/,
    ],
    ['a missing empty batch', right.filter((record) => record.type !== 'EmptyBatch'), /0\/1\/- of 0 should come next/],
    ['an Undecodable', [...right, control(4, 'Undecodable')], /4.Undecodable is Undecodable/],
    ['a foreign stream', [...right, { ...control(0, 'StreamStarted'), topic: 'x' }], /x\/0: .* nobody published/],
    ['no record at all', [], /is missing/],
  ])('finds %s', (_, found, message) => {
    expect(() => compareTruth(truth, found)).toThrow(message);
  });

  it('finds a field that is null on one side and absent on the other', () => {
    const found = [
      ...right.slice(0, -1),
      { ...records(3, ['3'])[0], event: { block_hashes: ['3'], medium: 'GPU', group_idx: null } },
    ];
    expect(() => compareTruth(truth, found as typeof right)).toThrow(/group_idx is null, published was absent/);
  });

  it('forgives lost batches inside a gap only when asked', () => {
    const found = [...right.slice(0, -2), gap(2, 3)];
    expect(() => compareTruth(truth, found)).toThrow(/covers 3/);
    expect(compareTruth(truth, found, { allowLost: true })).toMatchObject({ batches: 2, gaps: 1 });
  });

  it('keeps the lives of a restarted engine apart', () => {
    const lives = [line(0, ['1']), line(0, ['2'], 1)];
    const found = [...records(0, ['1']), control(0, 'StreamRestarted'), ...records(0, ['2'])];
    expect(compareTruth(lives, found)).toMatchObject({ batches: 2 });
    expect(() => compareTruth(lives, [...records(0, ['1']), ...records(0, ['2'])])).toThrow(/should come next/);
  });

  it('expects no gap for numbers skipped at the very end: nothing on the wire tells of them', () => {
    expect(compareTruth([...truth, skipped(4)], right)).toMatchObject({ gaps: 1 });
  });
});
