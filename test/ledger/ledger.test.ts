import { describe, expect, it } from 'vitest';
import type { TruthLine } from '../../src/simulator/truth.ts';
import type { Demand, Incarnation, LedgerRecord } from './account.ts';
import { demand } from './account.ts';
import { keepLedger } from './ledger.ts';

const topic = 'kv@pod-0@m';
const epoch = 1_763_800_000_000;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Two events each; `life` tells incarnations apart. */
function lineOf(seq: number, life = 0): TruthLine {
  const events = [0, 1].map((index) => ({ type: 'BlockRemoved', block_hashes: [`${life}.${seq}.${index}`] }));
  return { topic, sequence: String(seq), ts: 1_763_800_000 + 1_000 * life + seq, data_parallel_rank: 0, events };
}

const lifeOf = (from: number, to: number, life = 0): Incarnation => ({
  topic,
  lines: range(from, to).map((seq) => lineOf(seq, life)),
});

function record(seq: number, life: number, more: Partial<LedgerRecord>): LedgerRecord {
  const { type, index = null } = more;
  const own = { topic, stream: `zmq/${topic}/0`, epoch: epoch + life, seq: String(seq), index, count: null, ts: null };
  const id = `${own.stream}@${own.epoch}.${seq}.${index ?? type}`;
  return { type: 'BlockRemoved', id, ...own, ...more };
}

/** The records of a batch as the bridge writes them. */
function batch(seq: number, life = 0): LedgerRecord[] {
  const line = lineOf(seq, life);
  if (!('events' in line)) return [];
  return line.events.map(({ type, ...event }, index) =>
    record(seq, life, { type, index, count: 2, ts: line.ts, event }),
  );
}

const started = record(0, 0, { type: 'StreamStarted' });
const gap = (from: number, to: number, life = 0) =>
  record(from, life, { type: 'StreamGap', from_seq: String(from), to_seq: String(to) });
const restarted = (life: number, last: number | null) =>
  record(0, life, {
    type: 'StreamRestarted',
    previous_epoch: epoch + life - 1,
    last_seq: last === null ? null : String(last),
  });
const batches = (from: number, to: number, life = 0) => range(from, to).flatMap((seq) => batch(seq, life));
const strict: Demand = { atLeast: 10, duplicates: 'none' };

describe('the ledger adds up', () => {
  it('where each published number is there with all its events', () => {
    const account = keepLedger([lifeOf(0, 9)], [started, ...batches(0, 9)]);
    demand(account, strict);
    expect(account).toMatchObject({ streams: 1, published: 10, delivered: 10, records: 21, unheard: 0 });
  });

  it('where a number is missing and a StreamGap says so, and only if gaps are allowed', () => {
    const account = keepLedger([lifeOf(0, 11)], [started, ...batches(0, 4), gap(5, 6), ...batches(7, 11)]);
    demand(account, { ...strict, gaps: 'allowed' });
    expect(account.gaps).toHaveLength(2);
    expect(() => demand(account, strict)).toThrow('2 in gaps');
  });

  it('where records come twice in the order of a repeat, and only if duplicates are allowed', () => {
    const repeated = batches(3, 5).map((one) => ({ ...one, received_at: 2, origin: 'replay' }));
    const account = keepLedger([lifeOf(0, 9)], [started, ...batches(0, 5), ...repeated, ...batches(6, 9)]);
    demand(account, { ...strict, duplicates: 'allowed' });
    expect(account.duplicates).toBe(6);
    expect(() => demand(account, strict)).toThrow('6 records twice');
  });

  it('where a dead incarnation has a tail behind the last number that was heard', () => {
    const records = [started, ...batches(0, 6), restarted(1, 6), ...batches(0, 9, 1)];
    const account = keepLedger([lifeOf(0, 9), lifeOf(0, 9, 1)], records);
    demand(account, { ...strict, restarts: 1 });
    expect(account).toMatchObject({ published: 20, delivered: 17, unheard: 3 });
  });

  it('where an incarnation in between was never heard', () => {
    const records = [started, ...batches(0, 9), restarted(2, 9), ...batches(0, 9, 2)].map((one) => ({
      ...one,
      ...(one.previous_epoch !== undefined && { previous_epoch: epoch }),
    }));
    const account = keepLedger([lifeOf(0, 9), lifeOf(0, 4, 1), lifeOf(0, 9, 2)], records);
    demand(account, { ...strict, restarts: 1 });
    expect(account).toMatchObject({ delivered: 20, unheard: 5 });
  });

  it('where a killed publisher had no time to write its last batch down', () => {
    const records = [started, ...batches(0, 9), restarted(1, 9), ...batches(0, 9, 1)];
    demand(keepLedger([{ ...lifeOf(0, 8), killed: true }, lifeOf(0, 9, 1)], records), strict);
  });
});

describe('the ledger notices', () => {
  const complains = (records: readonly LedgerRecord[], text: string, lives = [lifeOf(0, 11)]) =>
    expect(() => demand(keepLedger(lives, records), { ...strict, duplicates: 'allowed', gaps: 'allowed' })).toThrow(
      text,
    );

  it('a missing batch, a missing event and a missing end', () => {
    complains([started, ...batches(0, 4), ...batches(6, 11)], `1 missing: ${topic}@${epoch}.5`);
    complains([started, ...batches(0, 11).slice(0, -1)], '1 missing');
    complains([started, ...batches(0, 10)], `1 missing: ${topic}@${epoch}.11`);
    complains([], 'the whole last incarnation');
  });

  it('a batch that is there twice under another epoch', () => {
    const records = [started, ...batches(0, 11), restarted(1, 11), ...batches(11, 11)].map((one, index, all) =>
      index < all.length - 2 ? one : { ...one, epoch: epoch + 1, id: `${one.id}x` },
    );
    complains(records, 'repeats an incarnation');
  });

  it('a swapped order of batches, of events, and of epochs', () => {
    complains([started, ...batch(1), ...batch(0), ...batches(2, 11)], 'out of order');
    complains([started, ...batches(0, 10), ...batch(11).reverse()], 'out of order');
    complains([started, ...batches(0, 11, 1), ...batches(0, 11)], 'out of order', [lifeOf(0, 11), lifeOf(0, 11, 1)]);
    complains([...batches(0, 11), started], 'out of order');
  });

  it('a run that is too small', () => {
    complains([started, ...batches(0, 8)], 'only 9 numbers delivered, 10 wanted', [lifeOf(0, 8)]);
  });

  it('a StreamGap over what was delivered, and over what was never published', () => {
    complains([started, ...batches(0, 5), gap(5, 5), ...batches(6, 11)], '1 false gaps');
    complains([started, ...batches(0, 11), gap(12, 13)], '2 false gaps');
  });

  it('another document under the same id, and another event than was published', () => {
    const other = batch(11).map((one) => ({ ...one, event: { block_hashes: ['other'] } }));
    complains([started, ...batches(0, 11), ...other], 'stands for two documents: event');
    complains([started, ...batches(0, 10), ...other], 'is not what was published');
  });

  it('what nobody published', () => {
    complains([started, ...batches(0, 12)], 'never published');
    complains([started, ...batches(0, 11), { ...started, topic: 'kv@other@m', id: 'other' }], 'never published');
  });

  it('records behind the number that StreamRestarted calls the last, and a hole before it', () => {
    const lives = [lifeOf(0, 11), lifeOf(0, 11, 1)];
    complains([started, ...batches(0, 11), restarted(1, 9), ...batches(0, 11, 1)], '2 never published', lives);
    complains([started, ...batches(0, 9), restarted(1, 11), ...batches(0, 11, 1)], '2 missing', lives);
  });

  it('a restart of a publisher that lives', () => {
    complains([started, ...batches(0, 11), restarted(1, 11)], 'lives, but is said to have ended');
  });

  it('an epoch that no StreamRestarted began, and a wrong number of restarts', () => {
    const lives = [lifeOf(0, 11), lifeOf(0, 11, 1)];
    complains([started, ...batches(0, 11), ...batches(0, 11, 1)], 'no StreamRestarted', lives);
    const account = keepLedger([lifeOf(0, 11)], [started, ...batches(0, 11)]);
    expect(() => demand(account, { ...strict, restarts: 1 })).toThrow('0 restarts on record, 1 wanted');
  });
});
