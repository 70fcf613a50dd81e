import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePositions } from '../../src/core/checkpoint.ts';
import { assertRecords } from '../support/schema.ts';
import type { Manner } from './publisher.ts';
import { neat, Publisher } from './publisher.ts';
import { accounted, recoveryOf } from './recovery-support.ts';
import type { StoreSinkOptions, WriteFate } from './store-sink.ts';
import { Store, StoreSink } from './store-sink.ts';

type Move =
  | { readonly kind: 'publish'; readonly arrives: boolean }
  | { readonly kind: 'restart' }
  | { readonly kind: 'reconnect' }
  | { readonly kind: 'turn' };

/** One life of the bridge: what happens in it, and what becomes of the writes to each of its two stores. */
interface Life {
  readonly moves: readonly Move[];
  readonly fates: readonly (readonly WriteFate[])[];
}

const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant<WriteFate>({ kind: 'confirmed' }) },
  { weight: 2, arbitrary: fc.nat(4).map((taken): WriteFate => ({ kind: 'unanswered', taken })) },
  { weight: 1, arbitrary: fc.nat(4).map((taken): WriteFate => ({ kind: 'killed', taken })) },
);

const lives = (withRestart: boolean) =>
  fc.array(
    fc.record<Life>({
      moves: fc.array(
        fc.oneof(
          { weight: 10, arbitrary: fc.boolean().map((arrives): Move => ({ kind: 'publish', arrives })) },
          { weight: 3, arbitrary: fc.constant<Move>({ kind: 'turn' }) },
          { weight: 1, arbitrary: fc.constant<Move>({ kind: 'reconnect' }) },
          ...(withRestart ? [{ weight: 1, arbitrary: fc.constant<Move>({ kind: 'restart' }) }] : []),
        ),
        { maxLength: 25 },
      ),
      fates: fc.array(fc.array(fate, { maxLength: 8 }), { minLength: 2, maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 4 },
  );

interface Played {
  readonly stores: readonly Store[];
  readonly publisher: Publisher;
}

type Batch = ReturnType<Publisher['publish']>;

interface Scene {
  readonly publisher: Publisher;
  readonly bridge: ReturnType<typeof recoveryOf>;
  /** Comes first when there is a bridge again; dies with its publisher. */
  readonly backlog: Batch[];
  readonly isDead: () => boolean;
}

async function make(move: Move, { publisher, bridge, backlog, isDead }: Scene): Promise<void> {
  switch (move.kind) {
    case 'publish': {
      const batch = publisher.publish();
      // A publisher's socket queues for a bridge that is away.
      if (move.arrives && isDead()) backlog.push(batch);
      else if (move.arrives) bridge.feed.push(batch);
      return;
    }
    case 'restart':
      // A stream that nobody has heard of yet has no known batch to ask for.
      await bridge.send(publisher.publish());
      // One more that still waits to be read when the new incarnation is there.
      bridge.feed.push(publisher.publish());
      publisher.restart();
      backlog.length = 0;
      void bridge.reconnected();
      // A process takes a while to die again: until then the bridge has asked this one.
      await bridge.clock.pass(100);
      return;
    case 'reconnect':
      void bridge.reconnected();
      return;
    case 'turn':
      await bridge.send();
      await bridge.clock.pass(100);
  }
}

/** All lives one after the other, each killed at its end, and a last one in which all comes to rest. */
async function play(all: readonly Life[], manners: readonly Manner[], order: StoreSinkOptions['order']) {
  const publisher = new Publisher(1_000, manners);
  const stores = [new Store(), new Store()];
  const backlog: Batch[] = [];
  for (const life of all) {
    const sinks = stores.map(
      (store, n) => new StoreSink(store, { fates: life.fates[n] ?? [], ...(order && { order }) }),
    );
    const bridge = recoveryOf(publisher, { sinks });
    bridge.feed.push(...backlog.splice(0));
    for (const move of life.moves)
      await make(move, { publisher, bridge, backlog, isDead: () => sinks.some((one) => one.isDead) });
    for (const sink of sinks) sink.isDead = true;
  }
  const last = recoveryOf(publisher, { sinks: stores.map((store) => new StoreSink(store, { fates: [] })) });
  await last.send(...backlog, publisher.publish());
  for (let turn = 0; turn < 25; turn++) await last.clock.pass(100);
  return { stores, publisher };
}

function recordsOf(store: Store): readonly Record<string, unknown>[] {
  return assertRecords(Buffer.concat(store.batches.map(({ bytes }) => bytes)));
}

function expectRising({ stores }: Played): void {
  for (const { batches } of stores) {
    const positions = batches.map(({ checkpoint }) => checkpoint.position);
    for (const [index, position] of positions.entries()) {
      const before = positions[index - 1];
      if (before !== undefined) expect(comparePositions(before, position)).toBeLessThan(0);
    }
  }
}

function expectOnce({ stores }: Played): void {
  for (const store of stores) {
    const ids = recordsOf(store).map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
  }
}

/** Each epoch's numbers, those of gaps as well, without a hole. */
function expectWhole({ stores }: Played): void {
  for (const store of stores) {
    for (const numbers of accounted(recordsOf(store)).values())
      expect(numbers).toEqual(numbers.map((_, n) => (numbers[0] ?? 0) + n));
  }
}

describe('for any lives of the bridge, each killed at any moment', () => {
  it('both stores hold every batch once and in order, where the publisher still has it', async () => {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(lives(false), async (all) => {
        const played = await play(all, [neat], 'together');
        expectRising(played);
        expectOnce(played);
        for (const store of played.stores) {
          const records = recordsOf(store);
          const numbers = records.filter(({ type }) => type === 'BlockRemoved').map(({ seq }) => Number(seq));
          expect(records.filter(({ type }) => type === 'StreamGap')).toEqual([]);
          expect(numbers).toEqual(Array.from({ length: played.publisher.next }, (_, n) => n));
          expect(records.filter(({ type }) => type === 'StreamStarted')).toHaveLength(1);
          seen += numbers.length;
        }
      }),
      { numRuns: Number(process.env['LIVES'] ?? 120) },
    );
    expect(seen).toBeGreaterThan(1_000);
  }, 120_000);

  it('positions rise and numbers have no hole, also across restarts of the publisher', async () => {
    let restarts = 0;
    await fc.assert(
      fc.asyncProperty(lives(true), async (all) => {
        const played = await play(all, [neat], 'together');
        expectRising(played);
        expectOnce(played);
        expectWhole(played);
        const batches = played.stores.flatMap(recordsOf).filter(({ type }) => type === 'BlockRemoved');
        const newest = batches.filter(({ ts, seq }) => incarnationOf(ts, seq) === played.publisher.incarnation);
        // All of the last incarnation, in both stores.
        expect(newest.length).toBe(2 * played.publisher.next);
        restarts += played.publisher.incarnation;
      }),
      { numRuns: Number(process.env['LIVES'] ?? 120) },
    );
    expect(restarts).toBeGreaterThan(20);
  }, 120_000);

  it('notices a store whose checkpoint moves before it has the records', async () => {
    const broken = fc.assert(
      fc.asyncProperty(lives(false), async (all) => {
        const played = await play(all, [neat], 'early');
        expectWhole(played);
      }),
      { numRuns: 300 },
    );
    await expect(broken).rejects.toThrow(/Property failed/);
  }, 120_000);
});

function incarnationOf(ts: unknown, seq: unknown): number {
  return Math.round((Number(ts) - 1_763_800_000.5 - Number(seq)) / 100_000);
}
