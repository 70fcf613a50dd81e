import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrivals, fates } from '../../src/core/fate.ts';
import type { Fact } from '../../src/core/observer.ts';
import { Balance } from '../../src/telemetry/balance.ts';

const sink = 'redis';
const account = (fate: Extract<Fact, { fact: 'accounting' }>['fate'], batches = 1): Fact => ({
  fact: 'accounting',
  sink,
  fate,
  batches,
});
const queued = (batches: number): Fact => ({ fact: 'lane', sink, bytes: 0, records: 0, batches });

function summaryOf(facts: readonly Fact[]) {
  const balance = new Balance([sink, 'file']);
  for (const fact of facts) balance.observe(fact);
  return balance.summary();
}

describe('the balance of a sink', () => {
  it('shows what is not 0, for each sink alone', () => {
    expect(summaryOf([account('received', 5), account('replayed', 2), account('delivered', 4), queued(3)])).toEqual({
      redis: { received: 5, replayed: 2, delivered: 4, queued: 3, adds_up: true },
      file: { adds_up: true },
    });
  });

  it('takes what is queued as it is now, not as a sum', () => {
    expect(summaryOf([account('received', 2), queued(1), queued(2)])['redis']).toEqual({
      received: 2,
      queued: 2,
      adds_up: true,
    });
  });

  it('adds up where each batch that came in has one fate or is queued', () => {
    const batch = fc.tuple(fc.constantFrom(...arrivals), fc.constantFrom(...fates, null));
    fc.assert(
      fc.property(fc.array(batch), (batches) => {
        const facts = batches.flatMap(([arrival, fate]) => [
          account(arrival),
          ...(fate === null ? [] : [account(fate)]),
        ]);
        const waiting = batches.filter(([, fate]) => fate === null).length;
        expect(summaryOf([...facts, queued(waiting)])['redis']).toMatchObject({ adds_up: true });
      }),
    );
  });

  it.each([...arrivals, ...fates])('does not add up where one batch more is %s', (fate) => {
    expect(summaryOf([account('received', 3), account('delivered', 3), account(fate)])['redis']).toMatchObject({
      adds_up: false,
    });
  });

  it('knows nothing of a sink that is not enabled', () => {
    expect(summaryOf([{ ...account('received'), sink: 'kafka' } as Fact])).toEqual({
      redis: { adds_up: true },
      file: { adds_up: true },
    });
  });
});
