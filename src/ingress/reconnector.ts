import { performance } from 'node:perf_hooks';

export interface ReconnectorOptions {
  /**
   * Drops the connection and dials again. False: not now, what the old connection brought is still to be read; it is
   * asked again soon.
   */
  readonly renew: () => boolean;
  /** Called for each renewal after libzmq gave up. */
  readonly onZombie: (attempt: number) => void;
  /** Called for each handshake but the first. */
  readonly onReconnect: () => void;
  /** 0 <= r < 1; spreads the renewals of many sockets. */
  readonly random: () => number;
  readonly times: ReconnectTimes;
}

/** Milliseconds. */
export interface ReconnectTimes {
  /** From a lost connection until it is certain that libzmq does not dial again by itself. */
  readonly settle: number;
  /** The first delay before a renewal; it doubles. */
  readonly shortest: number;
  /** The longest delay. A connection that lasted as long makes the next delay the first again. */
  readonly longest: number;
}

export const reconnectTimes: ReconnectTimes = { settle: 1_000, shortest: 100, longest: 30_000 };

/** How often it is looked whether the frames of a dead connection have been read. */
const busyPause = 250;

/**
 * Keeps one connected socket connected. After a protocol error (a frame above maxMessageSize, another security
 * mechanism) libzmq ends the connection and never dials again, without a word (libzmq #4196): the monitor sees a
 * `disconnect` that no dialling follows. `lost`, `dialling` and `established` follow the monitor.
 */
export class Reconnector {
  readonly #options: ReconnectorOptions;
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #handshakes = 0;
  #establishedAt = Number.NaN;
  #stopped = false;

  constructor(options: ReconnectorOptions) {
    this.#options = options;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** libzmq dials, or waits to dial. */
  dialling(): void {
    clearTimeout(this.#timer);
  }

  established(): void {
    clearTimeout(this.#timer);
    this.#handshakes += 1;
    this.#establishedAt = performance.now();
    if (this.#handshakes > 1) this.#options.onReconnect();
  }

  lost(): void {
    if (performance.now() - this.#establishedAt >= this.#options.times.longest) this.#attempt = 0;
    this.#after(this.#options.times.settle, () => this.#zombie());
  }

  /** No renewal and no call after this. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #zombie(): void {
    const { shortest, longest } = this.#options.times;
    const ceiling = Math.min(longest, shortest * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    this.#after(ceiling * (0.5 + this.#options.random() / 2), () => this.#renew());
  }

  #renew(): void {
    if (this.#options.renew()) this.#options.onZombie(this.#attempt);
    else this.#after(busyPause, () => this.#renew());
  }

  #after(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(act, ms).unref();
  }
}
