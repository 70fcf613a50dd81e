import { SinkError } from '../../src/core/errors.ts';
import type { Lease } from '../../src/core/lease.ts';
import type { FakeClock } from './support.ts';

export const away = () => new SinkError({ kind: 'transient', code: 'AWAY', message: 'the store is away' });
export const fencedError = () => new SinkError({ kind: 'fenced', code: 'FENCED', message: 'a newer bridge took over' });

/** What sinks of one name share: the fence, which decides, and the lease, which tells. */
export class PlayedStore {
  readonly clock: FakeClock;
  isAway = false;
  fence = 0;
  lease: { readonly token: number; readonly at: number } | null = null;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  isHeld(ttl: number): boolean {
    return this.lease !== null && this.clock.now() - this.lease.at < ttl;
  }
}

/** One bridge's sink at that store. Frozen, its calls neither arrive nor return. */
export class PlayedLease implements Lease {
  readonly store: PlayedStore;
  token = 0;
  /** Calls after the answer `fenced`: there must be none. */
  callsAfterFenced = 0;
  readonly calls: string[] = [];
  #isFenced = false;
  #isFrozen = false;
  #frozen: Promise<void> = Promise.resolve();
  #thaw: () => void = () => undefined;

  constructor(store: PlayedStore) {
    this.store = store;
  }

  freeze(): void {
    if (this.#isFrozen) return;
    this.#isFrozen = true;
    this.#frozen = new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  thaw(): void {
    this.#isFrozen = false;
    this.#thaw();
  }

  connect(): Promise<void> {
    return this.#call('connect', () => {
      this.store.fence += 1;
      this.token = this.store.fence;
      this.#isFenced = false;
    });
  }

  state(ttl: number): Promise<'held' | 'free'> {
    return this.#call('state', () => (this.store.isHeld(ttl) ? 'held' : 'free'));
  }

  renew(_ttl: number): Promise<void> {
    return this.#call('renew', () => {
      if (this.#isFenced) this.callsAfterFenced += 1;
      this.#isFenced = this.token !== this.store.fence;
      if (this.#isFenced) throw fencedError();
      this.store.lease = { token: this.token, at: this.store.clock.now() };
    });
  }

  release(): Promise<void> {
    return this.#call('release', () => {
      if (this.#isFenced) this.callsAfterFenced += 1;
      if (this.store.lease?.token === this.token) this.store.lease = null;
    });
  }

  async #call<T>(name: string, execute: () => T): Promise<T> {
    this.calls.push(name);
    await this.#frozen;
    if (this.store.isAway) throw away();
    const answer = execute();
    await this.#frozen;
    return answer;
  }
}
