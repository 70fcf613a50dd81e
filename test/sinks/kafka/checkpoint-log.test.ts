import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../../src/core/checkpoint.ts';
import { CheckpointRecords, CheckpointView } from '../../../src/sinks/kafka/checkpoint-log.ts';
import type { Part } from '../../../src/sinks/kafka/chunks.ts';
import type { Sendable } from '../../../src/sinks/kafka/entries.ts';
import { nthValue } from '../../../src/sinks/kafka/entries.ts';
import { committed } from '../../../src/sinks/kafka/fetch.ts';
import { LeaseWatch } from '../../../src/sinks/kafka/lease.ts';
import { NameHolder } from '../../../src/sinks/kafka/name-holder.ts';

const at = (seq: number, epoch = 1): Checkpoint => ({
  position: { epoch, seq: BigInt(seq), sub: 0 },
  ts: seq,
  hash: 1,
});
const records = new CheckpointRecords('checkpoints', 'a');

/** Plays parts into views, as if the topic was read. */
class Log {
  #offset = 0n;
  readonly views: CheckpointView[] = [];

  view(bridge = 'a'): CheckpointView {
    const view = new CheckpointView(bridge);
    this.views.push(view);
    return view;
  }

  append(parts: Iterable<Part<Sendable>>): void {
    for (const { partition, entries } of parts) {
      for (const entry of entries) this.raw(entry.key.toString(), nthValue(entry, 0).toString(), partition);
    }
  }

  raw(key: string, value: string | null, partition = 0): void {
    this.#offset += 1n;
    const record = { partition, offset: this.#offset, key: Buffer.from(key) };
    for (const view of this.views) view.take({ ...record, value: value === null ? null : Buffer.from(value) });
  }
}

describe('the view of the checkpoint topic', () => {
  it('takes the last record of each stream of its own name', () => {
    const log = new Log();
    const view = log.view();
    log.append([...records.checkpoints(new Map([['s/1', at(1)]]), 1)].flat());
    log.append(
      [
        ...records.checkpoints(
          new Map([
            ['s/1', at(7)],
            ['s/2', at(2)],
          ]),
          1,
        ),
      ].flat(),
    );
    log.append([...new CheckpointRecords('checkpoints', 'b').checkpoints(new Map([['s/1', at(99)]]), 1)].flat());
    log.raw('a/s/3', 'nothing a bridge has written');
    expect(view.held).toEqual(
      new Map([
        ['s/1', at(7)],
        ['s/2', at(2)],
      ]),
    );
    log.raw('a/s/1', null);
    expect([...view.held.keys()]).toEqual(['s/2']);
  });

  it('takes the later position where a key has moved to another partition', () => {
    const log = new Log();
    const view = log.view();
    const record = (seq: number) => JSON.stringify({ epoch: 1, seq: String(seq), sub: 0, ts: null, hash: null });
    log.raw('a/s/1', record(9), 3);
    log.raw('a/s/1', record(5), 0);
    expect(view.held.get('s/1')?.position.seq).toBe(9n);
    log.raw('a/s/1', record(10), 0);
    expect(view.held.get('s/1')?.position.seq).toBe(10n);
  });

  it('splits what is too much for one send', () => {
    const many = new Map(Array.from({ length: 5_000 }, (_, n) => [`stream/${'x'.repeat(100)}/${n}`, at(n)]));
    const sends = [...records.checkpoints(many, 3)];
    expect(sends.length).toBeGreaterThan(3);
    expect(sends.flat().flatMap(({ entries }) => entries)).toHaveLength(5_000);
  });
});

describe('what a fetch answers', () => {
  const batch = (offset: number, producer: string, kind: 'data' | 'mark' = 'data') => ({
    firstOffset: String(offset),
    lastOffsetDelta: 0,
    producerId: producer,
    inTransaction: true,
    isControlBatch: kind === 'mark',
    records: [],
  });
  const offsets = (batches: readonly { firstOffset: string }[]) => batches.map(({ firstOffset }) => firstOffset);

  it('leaves out aborted transactions and marks', () => {
    const batches = [
      batch(0, 'p'),
      batch(1, 'q'),
      batch(2, 'p', 'mark'),
      batch(3, 'p'),
      batch(4, 'q', 'mark'),
      batch(5, 'q'),
    ];
    expect(offsets(committed(batches, [{ producerId: 'p', firstOffset: 0n }]))).toEqual(['1', '3', '5']);
  });

  it('leaves out two aborted transactions whose first records compaction has removed', () => {
    const batches = [batch(5, 'q'), batch(6, 'p'), batch(7, 'q', 'mark'), batch(8, 'p', 'mark'), batch(9, 'q')];
    const aborted = [
      { producerId: 'q', firstOffset: 2n },
      { producerId: 'p', firstOffset: 1n },
    ];
    expect(offsets(committed(batches, aborted))).toEqual(['9']);
  });
});

describe('who holds a name', () => {
  /** Two holders that read one log. */
  function rivals() {
    const log = new Log();
    const make = () => {
      const holder = new NameHolder('a');
      const before = () => holder.beforeClaim(replay());
      const claim = (nonce: string) => log.append(records.claim(holder.owner, nonce, 2));
      const after = () => holder.afterClaim(replay());
      return { before, claim, after, holder };
    };
    const history = log.view();
    const replay = () => Object.assign(new CheckpointView('a'), { claims: [...history.claims] });
    return { older: make(), newer: make() };
  }

  it('is whoever claimed last; the other finds out before it claims again', () => {
    const { older, newer } = rivals();
    for (const one of [older, newer]) {
      one.before();
      one.claim('x');
      one.after();
    }
    expect(() => older.before()).toThrow(expect.objectContaining({ kind: 'fenced', code: 'FENCED' }));
    expect(() => older.holder.check()).toThrow(/another bridge named "a"/);
    newer.before();
    newer.claim('y');
    newer.after();
  });

  it('is the newer one also where the older claims once more in the same moment', () => {
    const { older, newer } = rivals();
    older.before();
    older.claim('1');
    older.after();
    newer.before();
    older.before();
    newer.claim('2');
    newer.after();
    older.claim('3');
    expect(() => older.after()).toThrow(expect.objectContaining({ code: 'FENCED' }));
    newer.before();
    newer.claim('4');
    newer.after();
  });

  it('is one of two that start together', () => {
    const { older, newer } = rivals();
    older.before();
    newer.before();
    older.claim('1');
    newer.claim('2');
    newer.after();
    expect(() => older.after()).toThrow(expect.objectContaining({ code: 'FENCED' }));
    newer.before();
  });

  it('does not give way to a predecessor when its own first claim may have been lost', () => {
    const { older, newer } = rivals();
    older.before();
    older.claim('1');
    older.after();
    newer.before();
    newer.before();
    newer.claim('2');
    newer.after();
  });
});

describe('the watch over a lease', () => {
  const lease = { owner: 'x', at: 0, ttl: 1_000, released: false };

  it('sees held, lapsed and released by its own clock', () => {
    const watch = new LeaseWatch();
    expect(watch.stateOf({ lease: null, renewals: 0 }, 1_000, 0)).toBe('free');
    expect(watch.stateOf({ lease, renewals: 1 }, 1_000, 5_000)).toBe('held');
    expect(watch.stateOf({ lease, renewals: 1 }, 1_000, 5_999)).toBe('held');
    expect(watch.stateOf({ lease, renewals: 2 }, 1_000, 6_500)).toBe('held');
    expect(watch.stateOf({ lease, renewals: 2 }, 1_000, 7_499)).toBe('held');
    expect(watch.stateOf({ lease, renewals: 2 }, 1_000, 7_500)).toBe('free');
    expect(watch.stateOf({ lease: { ...lease, released: true }, renewals: 3 }, 1_000, 7_501)).toBe('free');
  });

  it('starts anew after it could not look', () => {
    const watch = new LeaseWatch();
    watch.stateOf({ lease, renewals: 1 }, 1_000, 0);
    watch.interrupted();
    expect(watch.stateOf({ lease, renewals: 1 }, 1_000, 60_000)).toBe('held');
    expect(watch.stateOf({ lease, renewals: 1 }, 1_000, 61_000)).toBe('free');
  });
});
