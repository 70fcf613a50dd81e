export interface HeartbeatTimes {
  /** Milliseconds between two PINGs. */
  readonly interval: number;
  /** Milliseconds without an answer, and without anything else, after which the publisher counts as silent. */
  readonly timeout: number;
}

/** `deaf`: it lives or lived, but answers no PING; said once, it is not asked again. */
export type HeartbeatVerdict = 'well' | 'ask' | 'silent' | 'deaf';

/**
 * Whether the publisher of one connection is still there. Pure: the time and what came are told to it.
 *
 * Unlike libzmq's own heartbeats these may be on the connection that brings the frames, since nobody is judged while
 * nothing is read from it (docs/decisions/0007-own-zmtp.md).
 */
export class Heartbeat {
  readonly #times: HeartbeatTimes;
  #heardAt: number;
  /** When the PING that waits for an answer was sent; NaN: none does. */
  #askedAt = Number.NaN;
  #pongs = 0;
  #overdue = false;
  #isDeaf = false;

  constructor(times: HeartbeatTimes, now: number) {
    this.#times = times;
    this.#heardAt = now;
  }

  /** Bytes came, whatever they were. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Nothing was read up to now, so that nothing could be heard. */
  excuse(now: number): void {
    this.#heardAt = now;
    this.#overdue = false;
    if (!Number.isNaN(this.#askedAt)) this.#askedAt = now;
  }

  /** Called again and again, more often than the timeout is long; `pongs`: how many have come. */
  check(now: number, pongs: number): HeartbeatVerdict {
    if (this.#isDeaf) return 'well';
    if (pongs > this.#pongs || (this.#pongs > 0 && this.#heardAt > this.#askedAt)) {
      this.#pongs = pongs;
      this.#askedAt = Number.NaN;
      this.#overdue = false;
    }
    if (Number.isNaN(this.#askedAt)) return this.#isDue(now) ? this.#ask(now) : 'well';
    if (now - this.#askedAt <= this.#times.timeout) return 'well';
    // After a pause of this process what has come is still to be read: judged at the next check.
    if (!this.#overdue) {
      this.#overdue = true;
      return 'well';
    }
    if (this.#pongs > 0) return 'silent';
    this.#isDeaf = true;
    return 'deaf';
  }

  /** One that has never answered is asked soon, while it surely lives; others only when they are quiet. */
  #isDue(now: number): boolean {
    return this.#pongs === 0 || now - this.#heardAt >= this.#times.interval;
  }

  #ask(now: number): 'ask' {
    this.#askedAt = now;
    return 'ask';
  }
}
