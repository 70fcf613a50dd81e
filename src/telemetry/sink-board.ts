import type { Fact, Observe } from '../core/observer.ts';
import type { SinkStatus } from '../core/status.ts';
import type { Balance } from './balance.ts';
import type { Health } from './health.ts';

/** One sink as it is configured. */
export interface SinkPlan {
  readonly name: string;
  readonly delivery: string | null;
  /** Of its lane. */
  readonly limitBytes: number;
}

/** Since the start of the process, but for the lane. */
interface Counts {
  laneBytes: number;
  laneRecords: number;
  lagMs: number;
  settledAt: number | null;
  records: number;
  bytes: number;
  retries: number;
  deadLettered: number;
  waitedMs: number;
}

/** How the sinks stand. */
export class SinkBoard {
  readonly #plans: readonly SinkPlan[];
  readonly #health: Health;
  readonly #balance: Balance;
  readonly #counts: ReadonlyMap<string, Counts>;

  constructor(plans: readonly SinkPlan[], health: Health, balance: Balance) {
    this.#plans = plans;
    this.#health = health;
    this.#balance = balance;
    this.#counts = new Map(plans.map(({ name }) => [name, zero()]));
  }

  readonly observe: Observe = (fact: Fact) => {
    const counts = 'sink' in fact ? this.#counts.get(fact.sink) : undefined;
    if (counts === undefined) return;
    switch (fact.fact) {
      case 'lane':
        counts.laneBytes = fact.bytes;
        counts.laneRecords = fact.records;
        break;
      case 'lane-standing':
        counts.lagMs = fact.lagMs;
        counts.waitedMs += fact.waitedMs;
        break;
      case 'delivered':
        counts.records += fact.records;
        counts.bytes += fact.bytes;
        counts.settledAt = fact.at;
        break;
      case 'sink-retry':
        counts.retries += 1;
        break;
      case 'dead-lettered':
        counts.deadLettered += fact.records;
        break;
    }
  };

  status(): SinkStatus[] {
    return this.#plans.map((plan) => this.#statusOf(plan));
  }

  #statusOf({ name, delivery, limitBytes }: SinkPlan): SinkStatus {
    const counts = this.#counts.get(name) ?? zero();
    const accounting = this.#balance.of(name);
    const { state, since, code = null, message = null, kind = null } = this.#health.sink(name);
    return {
      ...{ name, state, since, code, message, kind, delivery },
      lane: {
        bytes: counts.laneBytes,
        limit_bytes: limitBytes,
        records: counts.laneRecords,
        batches: accounting.queued,
      },
      lag_seconds: counts.lagMs / 1_000,
      last_settled_at: counts.settledAt === null ? null : counts.settledAt / 1_000,
      records_delivered: counts.records,
      bytes_delivered: counts.bytes,
      retries: counts.retries,
      dead_lettered: counts.deadLettered,
      backpressure_seconds: counts.waitedMs / 1_000,
      accounting,
    };
  }
}

function zero(): Counts {
  return {
    ...{ laneBytes: 0, laneRecords: 0, lagMs: 0, settledAt: null, records: 0 },
    ...{ bytes: 0, retries: 0, deadLettered: 0, waitedMs: 0 },
  };
}
