import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttemptEnd } from '../../src/core/replay.ts';
import { neat, Publisher } from './publisher.ts';
import { accounted, recoveryOf } from './recovery-support.ts';

type Move =
  | { readonly kind: 'publish'; readonly arrives: boolean }
  | { readonly kind: 'restart' }
  | { readonly kind: 'turn'; readonly pauses: number };

const manners = fc.array(
  fc.record({
    drops: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
    end: fc.constantFrom<AttemptEnd>('end', 'idle', 'unreachable', 'end'),
    copies: fc.constantFrom(1, 2),
  }),
  { minLength: 1, maxLength: 6 },
);

const moves = (withRestart: boolean) =>
  fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.boolean().map((arrives): Move => ({ kind: 'publish', arrives })) },
      { weight: 3, arbitrary: fc.nat(3).map((pauses): Move => ({ kind: 'turn', pauses })) },
      ...(withRestart ? [{ weight: 1, arbitrary: fc.constant<Move>({ kind: 'restart' }) }] : []),
    ),
    { maxLength: 60 },
  );

/** Plays it to the end; the records, and what arrived live. */
async function play(publisher: Publisher, all: readonly Move[]) {
  const bridge = recoveryOf(publisher);
  const arrived: string[] = [];
  for (const move of all) {
    if (move.kind === 'publish') {
      const batch = publisher.publish();
      if (!move.arrives) continue;
      bridge.feed.push(batch);
      arrived.push(`${publisher.incarnation}/${batch.seq}`);
    } else if (move.kind === 'turn') {
      await bridge.send();
      for (let pause = 0; pause < move.pauses; pause++) await bridge.clock.pass(100);
    } else if (publisher.incarnation < 2) publisher.restart();
  }
  await untilQuiet(bridge);
  await bridge.stop();
  return { records: bridge.records(), arrived };
}

async function untilQuiet({ clock, records }: ReturnType<typeof recoveryOf>): Promise<void> {
  let before = -1;
  for (let quiet = 0; quiet < 8; ) {
    await clock.pass(100);
    const { length } = records();
    quiet = length === before ? quiet + 1 : 0;
    before = length;
  }
}

describe('for any interleaving of live frames, losses and replays', () => {
  it('each number of an incarnation is accounted for once, in order', async () => {
    let recovered = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), manners, moves(true), async (buffer, how, all) => {
        const { records } = await play(new Publisher(buffer, how), all);
        for (const numbers of accounted(records).values()) {
          expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
        }
        recovered += records.filter(({ type, origin }) => type === 'BlockRemoved' && origin === 'replay').length;
      }),
      { numRuns: 150 },
    );
    expect(recovered).toBeGreaterThan(20);
  });

  it('everything that arrived live comes out, once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), manners, moves(true), async (buffer, how, all) => {
        const { records, arrived } = await play(new Publisher(buffer, how), all);
        const out = records
          .filter(({ type }) => type === 'BlockRemoved')
          .map(({ ts, seq }) => `${Math.round((Number(ts) - 1_763_800_000.5 - Number(seq)) / 100_000)}/${seq}`);
        expect(new Set(out).size).toBe(out.length);
        expect(arrived.filter((batch) => !out.includes(batch))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('nothing is lost that the publisher still has and sends', async () => {
    await fc.assert(
      fc.asyncProperty(moves(false), async (all) => {
        const { records } = await play(new Publisher(1_000, [neat]), all);
        expect(records.filter(({ type }) => type === 'StreamGap')).toEqual([]);
        const [numbers = []] = accounted(records).values();
        expect(numbers.at(0) ?? 0).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
