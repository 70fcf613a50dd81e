import { lookup } from 'node:dns/promises';
import type { Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import { messageOf } from '../../core/errors.ts';
import type { Connections } from './connections.ts';
import type { Trouble } from './trouble.ts';
import type { ZmtpError } from './zmtp-error.ts';

/** Milliseconds between two rounds of dialling; what is waited is between half and all of it. */
export interface DialTimes {
  /** The first; it doubles. */
  readonly shortest: number;
  /** The longest while the publisher is away. A connection that lasted as long makes the next delay the first again. */
  readonly longest: number;
  /** The longest while connections are made and then ended from here: what is wrong there takes a person to mend. */
  readonly longestRefusal: number;
}

export const dialTimes: DialTimes = { shortest: 100, longest: 1_000, longestRefusal: 30_000 };

export interface DiallerOptions {
  /** Name or address. */
  readonly host: string;
  readonly port: number;
  readonly connections: Connections;
  readonly times: DialTimes;
  /** 0 <= r < 1; spreads what many sources would do at once. */
  readonly random: () => number;
  /** Called for each handshake but the first. */
  readonly onReconnect: () => void;
  /** Once, until there is a connection again. */
  readonly onTrouble: (trouble: Trouble) => void;
}

/** How long one address may take to answer. */
const connectTimeout = 5_000;

/**
 * Of one round: `away`: no handshake; `refused`: this side ended a connection; `lost`: one was made and ended soon;
 * `lasted`: it ended later.
 */
type Outcome = 'away' | 'refused' | 'lost' | 'lasted';

interface Attempt {
  readonly outcome: Outcome;
  /** Of `away`. */
  readonly why?: string;
}

/** Keeps one connection to a publisher, at whichever of its addresses takes it. */
export class Dialler {
  readonly #options: DiallerOptions;
  #socket: Socket | null = null;
  #timer: NodeJS.Timeout | undefined;
  #handshakes = 0;
  #attempt = 0;
  #isAway = false;
  #stopped = false;

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /** Called once. */
  start(): void {
    void this.#round();
  }

  /** Dials no more and calls nothing after it; the connection there is stays. Idempotent. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  /** One attempt at each address, until one has had a connection; then again after a pause. */
  async #round(): Promise<void> {
    let outcome: Outcome = 'away';
    let why = 'the name has no address';
    try {
      for (const address of await this.#addresses()) {
        const result = await this.#try(address);
        if (result.why !== undefined) why = result.why;
        if (result.outcome !== 'away') outcome = result.outcome;
        if (this.#stopped || outcome === 'lost' || outcome === 'lasted') break;
      }
    } catch (error) {
      why = messageOf(error);
    }
    if (this.#stopped) return;
    if (outcome === 'away') this.#away(why);
    this.#pause(outcome);
  }

  async #addresses(): Promise<readonly string[]> {
    const { host } = this.#options;
    if (isIP(host) !== 0) return [host];
    return (await lookup(host, { all: true })).map(({ address }) => address);
  }

  /** Resolves when there is no connection to this address, or no longer. */
  async #try(address: string): Promise<Attempt> {
    const socket = await this.#connect(address);
    if (typeof socket === 'string') return { outcome: 'away', why: socket };
    let establishedAt = Number.NaN;
    const failure = await new Promise<ZmtpError | null>((resolve) => {
      const onEstablished = () => {
        establishedAt = performance.now();
        this.#established();
      };
      if (this.#options.connections.adopt(socket, onEstablished, resolve) === null) resolve(null);
    });
    if (performance.now() - establishedAt >= this.#options.times.longest) return { outcome: 'lasted' };
    if (failure !== null) return { outcome: 'refused' };
    if (!Number.isNaN(establishedAt)) return { outcome: 'lost' };
    return { outcome: 'away', why: `${address} ended the connection before the ZMTP handshake` };
  }

  /** A connected socket, or why there is none. */
  #connect(address: string): Promise<Socket | string> {
    if (this.#stopped) return Promise.resolve('stopped');
    const socket = connect({ host: address, port: this.#options.port });
    this.#socket = socket;
    return new Promise((resolve) => {
      const timer = setTimeout(() => giveUp(`${address} does not answer`), connectTimeout);
      const settle = (result: Socket | string) => {
        clearTimeout(timer);
        this.#socket = null;
        socket.off('connect', connected).off('error', failed).off('close', closed);
        resolve(result);
      };
      const giveUp = (why: string) => {
        settle(why);
        socket.on('error', () => undefined).destroy();
      };
      const connected = () => settle(socket);
      const failed = (error: Error) => giveUp(messageOf(error));
      const closed = () => giveUp('given up');
      socket.on('connect', connected).on('error', failed).on('close', closed);
    });
  }

  #established(): void {
    this.#isAway = false;
    this.#handshakes += 1;
    if (this.#handshakes > 1 && !this.#stopped) this.#options.onReconnect();
  }

  #away(why: string): void {
    if (this.#isAway) return;
    this.#isAway = true;
    const message = `no connection to the engine (${why}); trying again until there is one`;
    this.#options.onTrouble({ reason: 'unreachable', message });
  }

  #pause(outcome: Outcome): void {
    const { shortest, longest, longestRefusal } = this.#options.times;
    if (outcome === 'lasted') this.#attempt = 0;
    const most = outcome === 'refused' ? longestRefusal : longest;
    const ceiling = Math.min(most, shortest * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    this.#timer = setTimeout(() => void this.#round(), ceiling * (0.5 + this.#options.random() / 2));
  }
}
