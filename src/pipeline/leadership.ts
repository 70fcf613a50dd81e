import type { Clock } from '../core/clock.ts';
import { messageOf, SinkError } from '../core/errors.ts';
import type { Lease } from '../core/lease.ts';
import type { Observe } from '../core/observer.ts';
import { Backoff } from './backoff.ts';

export interface LeadershipOptions {
  /** Name of the sink that keeps the lease. */
  readonly sink: string;
  readonly lease: Lease;
  /** How long one renewal counts, ms. */
  readonly ttl: number;
  readonly observe: Observe;
  readonly clock: Clock;
  /** 0 <= r < 1; spreads polls and retries, so that two standbys do not take over in the same moment. */
  readonly random: () => number;
}

/**
 * One bridge's view of who is active, for one turn: first perhaps `waitForTurn`, then `keepRenewing` until the turn ends,
 * then `release`. It only decides when to try: who may write is decided by the fence of `Sink.connect`, so a lease that was
 * judged wrongly costs a take-over and never a record.
 */
export class Leadership {
  readonly #options: LeadershipOptions;
  /** Ends the renewals. */
  readonly #end = new AbortController();
  #renewing: Promise<unknown> = Promise.resolve();
  /** When the last renewal that succeeded began, or the turn itself; undefined once the lapse was reported. */
  #renewedAt: number | undefined;
  /** Whether a renewal of ours may stand in the store; one that failed may have been executed all the same. */
  #hasAsked = false;
  #wasFenced = false;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** Resolves with true once no bridge of this name shows that it lives, with false when the signal comes first. */
  async waitForTurn(signal: AbortSignal): Promise<boolean> {
    const { lease, ttl, clock, random } = this.#options;
    const standing = new Standing(this.#options);
    while (!signal.aborted) {
      const answer = await attempt(() => lease.state(ttl), signal);
      if (answer === 'aborted') return false;
      if (answer instanceof SinkError) {
        await clock.sleep(standing.down(answer), signal);
        continue;
      }
      standing.up();
      if (answer === 'free') return true;
      await clock.sleep((ttl / 4) * (0.75 + random() / 4), signal);
    }
    return false;
  }

  /**
   * To be called once the sink has let this bridge in (`connect`), not before: a renewal of an older bridge is refused.
   * Renews at once and then three times per ttl until `release`; resolves with `fenced` where another bridge took over.
   * A failed renewal is tried again sooner and costs nothing by itself: even a lapse ends this turn only when somebody
   * makes use of it.
   */
  keepRenewing(): Promise<'fenced' | 'released'> {
    const renewing = this.#renew();
    this.#renewing = renewing;
    return renewing;
  }

  /**
   * The turn ends and everything is written: tells a standby that it need not wait for the lease to lapse. Does nothing
   * where another bridge took over, and gives up at the deadline: the lease then lapses by itself.
   */
  async release(deadline: AbortSignal): Promise<void> {
    this.#end.abort();
    // A renewal that arrives behind the release would keep the standby waiting.
    await attempt(() => this.#renewing, deadline);
    if (this.#hasAsked && !this.#wasFenced) await attempt(() => this.#options.lease.release(), deadline);
  }

  /** A write was refused because another bridge took over: nothing is renewed any more, and nothing is ours to release. */
  abandon(): void {
    this.#wasFenced = true;
    this.#end.abort();
  }

  async #renew(): Promise<'fenced' | 'released'> {
    const { lease, ttl, clock, random } = this.#options;
    const backoff = new Backoff(ttl / 12, ttl / 3, random);
    this.#renewedAt = clock.now();
    while (!this.#end.signal.aborted) {
      const began = clock.now();
      const answer = await attempt(() => lease.renew(ttl));
      this.#report(answer, began);
      if (answer instanceof SinkError && answer.kind === 'fenced') {
        this.abandon();
        return 'fenced';
      }
      this.#hasAsked = true;
      if (answer === undefined) backoff.reset();
      const pause = answer === undefined ? began + ttl / 3 - clock.now() : backoff.next();
      await clock.sleep(Math.max(pause, 0), this.#end.signal);
    }
    return 'released';
  }

  #report(answer: unknown, began: number): void {
    const { sink, ttl, clock, observe } = this.#options;
    if (this.#renewedAt !== undefined && clock.now() - this.#renewedAt > ttl) {
      this.#renewedAt = undefined;
      observe({ fact: 'lease-lapsed', sink, ttl });
    }
    if (!(answer instanceof SinkError)) this.#renewedAt = began;
    const failed = answer instanceof SinkError ? answer : null;
    const outcome = failed === null ? 'renewed' : failed.kind === 'fenced' ? 'fenced' : 'failed';
    const { code = null, message = null } = failed ?? {};
    observe({ fact: 'lease-renewal', sink, outcome, code, message });
  }
}

/** Says once when the sink stops answering, and once when it answers again. */
class Standing {
  readonly #options: LeadershipOptions;
  readonly #backoff: Backoff;
  /** What was last reported: `up`, or the kind and code of the error. */
  #reported = '';

  constructor(options: LeadershipOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.ttl / 20, options.ttl, options.random);
  }

  up(): void {
    this.#backoff.reset();
    if (this.#reported === 'up') return;
    this.#reported = 'up';
    this.#options.observe({ fact: 'sink-up', sink: this.#options.sink });
  }

  /** How long to wait, ms. */
  down({ kind, code, message }: SinkError): number {
    const { observe, sink } = this.#options;
    const state = `${kind} ${code}`;
    if (this.#reported !== state) observe({ fact: 'sink-down', sink, kind, code, message });
    this.#reported = state;
    const delay = this.#backoff.next();
    observe({ fact: 'sink-retry', sink, code, attempt: this.#backoff.attempt, delay });
    return delay;
  }
}

/** What a call answered, the error it failed with, or that the signal came first: then its outcome is nobody's concern. */
async function attempt<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T | SinkError | 'aborted'> {
  const work = call().catch((error: unknown) => {
    if (error instanceof SinkError) return error;
    return new SinkError({ kind: 'transient', code: 'UNCLASSIFIED', message: messageOf(error), cause: error });
  });
  if (signal === undefined) return work;
  let abandon = () => {};
  const aborted = new Promise<'aborted'>((resolve) => {
    abandon = () => resolve('aborted');
  });
  if (signal.aborted) abandon();
  signal.addEventListener('abort', abandon, { once: true });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}
