import type { Arrival, Fate } from '../core/fate.ts';
import { arrivals, fates } from '../core/fate.ts';
import type { Fact, Observe } from '../core/observer.ts';

/** Engine batches of one sink since the start, by what became of them. */
export type SinkBalance = Readonly<Record<Arrival | Fate | 'queued', number>>;

/**
 * Accounts for every engine batch, per sink: received + replayed = delivered + queued + duplicate + dead_lettered + all
 * that was dropped. Control records stand for no batch.
 */
export class Balance {
  readonly #sinks: ReadonlyMap<string, Record<Arrival | Fate | 'queued', number>>;

  constructor(sinks: readonly string[]) {
    this.#sinks = new Map(sinks.map((sink) => [sink, zero()]));
  }

  readonly observe: Observe = (fact: Fact) => {
    if (fact.fact === 'accounting') {
      const sink = this.#sinks.get(fact.sink);
      if (sink !== undefined) sink[fact.fate] += fact.batches;
    }
    if (fact.fact === 'lane') {
      const sink = this.#sinks.get(fact.sink);
      if (sink !== undefined) sink.queued = fact.batches;
    }
  };

  of(sink: string): SinkBalance {
    return { ...(this.#sinks.get(sink) ?? zero()) };
  }

  /** For the last log line: what is not 0, and whether it adds up. */
  summary(): Readonly<Record<string, Readonly<Record<string, number | boolean>>>> {
    return Object.fromEntries(
      [...this.#sinks].map(([sink, balance]) => {
        const shown = Object.entries(balance).filter(([, batches]) => batches !== 0);
        return [sink, { ...Object.fromEntries(shown), adds_up: addsUp(balance) }];
      }),
    );
  }
}

function zero(): Record<Arrival | Fate | 'queued', number> {
  return Object.fromEntries([...arrivals, ...fates, 'queued'].map((fate) => [fate, 0])) as SinkBalance;
}

export function addsUp({ received, replayed, ...others }: SinkBalance): boolean {
  return received + replayed === Object.values(others).reduce((sum, batches) => sum + batches, 0);
}
