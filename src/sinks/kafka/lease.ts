import type { Lease } from '../../core/lease.ts';
import type { LeaseValue } from './checkpoint-log.ts';
import { CheckpointView } from './checkpoint-log.ts';
import type { LogReader } from './log-reader.ts';

/** What the lease needs of the sink it belongs to. */
export interface LeasePlace {
  readonly bridge: string;
  /** Of ours, by instance. */
  readonly owner: string;
  /** Opens the checkpoint topic. */
  open(): Promise<LogReader>;
  /** Writes the lease in a transaction of its own. `ifHeld`: only where we still have the name, and not insisting. */
  put(value: LeaseValue, ifHeld: boolean): Promise<void>;
}

/** The lease as a record in the checkpoint topic. A standby follows the topic, and measures by its own clock alone. */
export class KafkaLease implements Lease {
  readonly #place: LeasePlace;
  readonly #watch = new LeaseWatch();
  #reader: LogReader | null = null;
  #view: CheckpointView;

  constructor(place: LeasePlace) {
    this.#place = place;
    this.#view = new CheckpointView(place.bridge);
  }

  async state(ttl: number): Promise<'held' | 'free'> {
    try {
      this.#reader ??= await this.#place.open();
      await this.#reader.readToEnd('stable', this.#view.take);
    } catch (error) {
      // Whoever holds it could not renew either, as far as we can tell.
      this.#watch.interrupted();
      this.stopWatching();
      throw error;
    }
    return this.#watch.stateOf(this.#view, ttl, performance.now());
  }

  renew(ttl: number): Promise<void> {
    return this.#place.put({ owner: this.#place.owner, at: Date.now(), ttl, released: false }, false);
  }

  release(): Promise<void> {
    return this.#place.put({ owner: this.#place.owner, at: Date.now(), ttl: 0, released: true }, true);
  }

  stopWatching(): void {
    this.#reader?.close();
    this.#reader = null;
    this.#view = new CheckpointView(this.#place.bridge);
  }
}

/** Held until it was watched for a whole `ttl` without a renewal. */
export class LeaseWatch {
  #renewals = -1;
  #since: number | null = null;

  stateOf({ lease, renewals }: Pick<CheckpointView, 'lease' | 'renewals'>, ttl: number, now: number): 'held' | 'free' {
    if (lease === null || lease.released) return 'free';
    if (this.#since === null || renewals !== this.#renewals) this.#since = now;
    this.#renewals = renewals;
    return now - this.#since >= ttl ? 'free' : 'held';
  }

  /** What happens meanwhile is not seen. */
  interrupted(): void {
    this.#since = null;
  }
}
