import { performance } from 'node:perf_hooks';
import type { Context, Subscriber } from 'zeromq';
import { messageOf } from '../core/errors.ts';
import type { Observe } from '../core/observer.ts';
import type { Security } from '../core/security.ts';
import type { ConnectionListener } from './monitor.ts';
import type { ProbeTimes } from './probe.ts';
import { HeartbeatProbe } from './probe.ts';
import type { ReconnectTimes } from './reconnector.ts';
import { Reconnector, reconnectTimes } from './reconnector.ts';

export interface ConnectionOptions {
  readonly source: string;
  readonly endpoint: string;
  readonly context: Context;
  readonly socket: Subscriber;
  readonly security: Security;
  /** Null: a publisher that hangs is not noticed. */
  readonly heartbeats: ProbeTimes | null;
  readonly times?: Partial<ReconnectTimes>;
  readonly random: () => number;
  /** Whether the socket has brought nothing since `since` (`performance.now()`) and nothing is left to read. */
  readonly isQuiet: (since: number) => boolean;
  /** The connection was dropped here: libzmq reports nothing then. */
  readonly onDropped: () => void;
  readonly onReconnect: () => void;
  readonly observe: Observe;
}

/** A reader that has got nothing for as long has read all there was. */
const drained = 300;

/** Keeps the one connection of a connected socket alive where libzmq does not: after protocol errors, and while a publisher hangs. */
export class Connection implements ConnectionListener {
  readonly #options: ConnectionOptions;
  readonly #reconnector: Reconnector;
  readonly #probe: HeartbeatProbe | null;

  constructor(options: ConnectionOptions) {
    const { heartbeats, endpoint, context, security, isQuiet, onReconnect, random } = options;
    this.#options = options;
    this.#reconnector = new Reconnector({
      // What an ended connection has brought would be lost with it.
      renew: () => isQuiet(performance.now() - drained) && this.#dialAnew(),
      onZombie: (attempt) => options.observe({ fact: 'source-zombie', source: options.source, endpoint, attempt }),
      onReconnect,
      random,
      times: { ...reconnectTimes, ...options.times },
    });
    const events = {
      onSilent: () => this.#silent(),
      onDeaf: () => this.#deaf(),
      onImpossible: (why: string) => this.#trouble('no_heartbeats', `no second connection for heartbeats: ${why}`),
    };
    this.#probe = heartbeats && new HeartbeatProbe({ ...heartbeats, ...events, endpoint, context, security, isQuiet });
  }

  dialling(): void {
    this.#reconnector.dialling();
  }

  established(): void {
    if (this.#reconnector.stopped) return;
    this.#probe?.start();
    this.#reconnector.established();
  }

  lost(): void {
    this.#probe?.stop();
    this.#reconnector.lost();
  }

  keepUp(): void {
    this.#probe?.keepUp();
  }

  /** Nothing is called and the socket is not touched after it. */
  stop(): void {
    this.#reconnector.stop();
    this.#probe?.stop();
  }

  #dialAnew(): true {
    const { socket, endpoint, onDropped } = this.#options;
    this.#probe?.stop();
    try {
      socket.disconnect(endpoint);
    } catch {
      // libzmq knows of no connection any more: nothing to drop.
    }
    onDropped();
    try {
      socket.connect(endpoint);
    } catch (error) {
      // The name does not resolve now, for example: as if it had been lost again.
      this.#trouble('unreachable', `cannot connect again: ${messageOf(error)}`);
      this.#reconnector.lost();
    }
    return true;
  }

  #silent(): void {
    this.#trouble(
      'silent',
      'the engine is connected but answers nothing: it hangs, or the network drops its packets; dialled anew',
    );
    this.#dialAnew();
  }

  #deaf(): void {
    this.#trouble(
      'no_heartbeats',
      'the engine answers no ZeroMQ heartbeats (go-zeromq, for example): they end here, a hanging engine is not noticed, and nothing else changes. heartbeatInterval 0 for this source avoids this line',
    );
  }

  #trouble(reason: 'silent' | 'no_heartbeats' | 'unreachable', message: string): void {
    const { source, endpoint, observe } = this.#options;
    observe({ fact: 'source-trouble', source, endpoint, reason, message });
  }
}
