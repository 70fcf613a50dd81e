import { performance } from 'node:perf_hooks';
import type { Context } from 'zeromq';
import { Subscriber } from 'zeromq';
import { messageOf } from '../core/errors.ts';
import type { Security } from '../core/security.ts';
import { clientOptions } from './socket-security.ts';

export interface ProbeTimes {
  /** Milliseconds between two PINGs. */
  readonly interval: number;
  /** Milliseconds without an answer to a PING after which the publisher counts as silent. */
  readonly timeout: number;
}

export interface HeartbeatProbeOptions extends ProbeTimes {
  readonly endpoint: string;
  readonly context: Context;
  readonly security: Security;
  /** Whether the watched connection has brought nothing since `since` (`performance.now()`) and nothing is left to read. */
  readonly isQuiet: (since: number) => boolean;
  /** Nothing answers, and the watched connection brings nothing although it seems to be up. Once for each `start`. */
  readonly onSilent: () => void;
  /** The publisher takes connections but answers no PING: probing has ended. Once. */
  readonly onDeaf: () => void;
  /** The second connection could not be opened; tried again at the next `start`. */
  readonly onImpossible: (why: string) => void;
}

/** A publisher that takes a new connection within this time after it has lost one is alive. */
const patience = 2_000;
/** Connections in a row that a living publisher lets die by not answering, until it is left alone. */
const deafAfter = 2;

/**
 * A second connection to a publisher whose first one is up, without a subscription, that does nothing but exchange ZMTP
 * heartbeats. `start` and `stop` follow the first connection, which is the watched one.
 *
 * Heartbeats can't be on the connection that brings the frames: libzmq 4.3.5 reads nothing from it while its reader is
 * slow, so takes the publisher for dead, and then ends the whole process (`Assertion failed: _input_stopped`).
 * docs/decisions/0005-heartbeats.md has the experiments.
 */
export class HeartbeatProbe {
  readonly #options: HeartbeatProbeOptions;
  #socket: Subscriber | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** When its connection was made; NaN while there is none. */
  #madeAt = Number.NaN;
  #strikes = 0;
  /** Whether this publisher has ever answered: without an answer no connection lasts. */
  #answers = false;
  /** For ever: each PING costs a publisher that ignores it a little (go-zeromq keeps ten and then no longer reads). */
  #deaf = false;

  constructor(options: HeartbeatProbeOptions) {
    this.#options = options;
  }

  /** The watched connection is up, perhaps anew. */
  start(): void {
    this.stop();
    if (this.#deaf) return;
    this.#strikes = 0;
    this.#answers = false;
    try {
      this.#open();
    } catch (error) {
      // Too many sockets or files, for example.
      this.stop();
      this.#options.onImpossible(messageOf(error));
    }
  }

  /** The watched connection is down, or everything ends. Nothing is called after it. Idempotent. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket?.close();
    this.#socket = null;
    this.#madeAt = Number.NaN;
  }

  /** Lets the socket take in what its I/O thread reports: called now and then, since nobody reads it. */
  keepUp(): void {
    void this.#socket?.readable;
  }

  #open(): void {
    const { context, endpoint, security, interval, timeout } = this.#options;
    const socket = new Subscriber({
      context,
      ...clientOptions(security),
      ipv6: true,
      linger: 0,
      reconnectInterval: 100,
      reconnectMaxInterval: 1_000,
      heartbeatInterval: interval,
      heartbeatTimeout: timeout,
    });
    this.#socket = socket;
    void this.#follow(socket);
    socket.connect(endpoint);
  }

  async #follow(socket: Subscriber): Promise<void> {
    try {
      for await (const event of socket.events) {
        if (this.#socket !== socket) return;
        if (event.type === 'handshake') this.#madeAt = performance.now();
        else if (event.type === 'disconnect') this.#lost();
      }
    } catch {
      // The observer's socket went away under its pending receive: it is closed.
    }
  }

  #lost(): void {
    // While the publisher hangs, connections are made and lost without a handshake.
    if (Number.isNaN(this.#madeAt)) return;
    const now = performance.now();
    const { interval, timeout } = this.#options;
    if (now - this.#madeAt > 2 * (interval + timeout)) this.#answers = true;
    this.#madeAt = Number.NaN;
    // Lost again before the last loss was judged: it had come back.
    if (this.#timer !== undefined) this.#strike();
    if (this.#socket !== null) this.#judgeLater(now);
  }

  #judgeLater(since: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#judge(since), patience).unref();
  }

  /** The watched connection is up still: the publisher did not just end. */
  #judge(since: number): void {
    this.#timer = undefined;
    const { isQuiet, onSilent, timeout } = this.#options;
    if (Number.isNaN(this.#madeAt)) {
      if (isQuiet(since)) onSilent();
      else this.#judgeLater(performance.now());
    } else if (!this.#answers) {
      this.#strike();
    } else if (isQuiet(since - timeout)) {
      // New connections work, the old ones were dead: the network has forgotten them.
      onSilent();
    }
  }

  /** It is alive and answers no PING. */
  #strike(): void {
    if (this.#answers) return;
    this.#strikes += 1;
    if (this.#strikes < deafAfter) return;
    this.#deaf = true;
    this.stop();
    this.#options.onDeaf();
  }
}
