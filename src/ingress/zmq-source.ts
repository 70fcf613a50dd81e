import { performance } from 'node:perf_hooks';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { Subscriber } from 'zeromq';
import { BridgeError, codeOf, messageOf } from '../core/errors.ts';
import type { Frame } from '../core/frame.ts';
import type { Observe } from '../core/observer.ts';
import type { Source } from '../core/source.ts';
import { checkEndpoint, resolvedEndpoint } from './endpoint.ts';
import { ConnectionMonitor } from './monitor.ts';

export interface ZmqSourceOptions {
  /** Name of the source, as in the configuration. */
  readonly name: string;
  /** `tcp://host:port` or `ipc://path`; port 0 binds any free one. */
  readonly endpoint: string;
  readonly mode: 'bind' | 'connect';
  /** Topic prefixes, as ZeroMQ matches them: `kv@10.0.0.1` also takes `kv@10.0.0.10`. `''` takes everything. */
  readonly topics: readonly string[];
  /** Messages that libzmq holds per publisher before it stops reading from it. */
  readonly receiveHighWaterMark: number;
  /** Bytes of one frame at which libzmq gives up the connection: a hard stop far above every real batch; -1 = none. */
  readonly maxMessageSize: number;
}

/** Longest time until `stop` is noticed by a silent socket. */
const receiveTimeout = 500;
/** A socket with a backlog answers at once for hundreds of messages; timers and other sockets must get their turn. */
const maxTurn = 5;
/** How often a waiting socket does its housekeeping while nobody reads. */
const upkeepInterval = 250;
const closeTimeout = 1_000;

/** One SUB socket: bound, with any number of publishers dialling in, or connected to one publisher. */
export class ZmqSource implements Source {
  readonly #options: ZmqSourceOptions;
  readonly #observe: Observe;
  #endpoint: string;
  #socket: Subscriber | null = null;
  #monitored: Promise<void> = Promise.resolve();
  #upkeep: NodeJS.Timeout | undefined;
  #pending: Promise<unknown> | null = null;
  #stopped = false;

  constructor(options: ZmqSourceOptions, observe: Observe) {
    this.#options = options;
    this.#observe = observe;
    this.#endpoint = options.endpoint;
  }

  get name(): string {
    return this.#options.name;
  }

  /** The configured endpoint; once it is open, with the chosen port where the configured one is 0. */
  get endpoint(): string {
    return this.#endpoint;
  }

  async open(): Promise<void> {
    const { endpoint, mode, topics } = this.#options;
    checkEndpoint(endpoint, mode);
    const socket = this.#createSocket();
    this.#monitored = this.#monitor(socket);
    for (const topic of topics) socket.subscribe(topic);
    try {
      if (mode === 'bind') await socket.bind(endpoint);
      else socket.connect(endpoint);
    } catch (error) {
      socket.close();
      await this.#monitored;
      throw openError(error, mode, endpoint);
    }
    this.#endpoint = resolvedEndpoint(endpoint, socket.lastEndpoint);
    this.#socket = socket;
    this.#upkeep = setInterval(() => this.#keepUp(), upkeepInterval).unref();
    this.#observe({ fact: 'source-open', source: this.name, endpoint: this.#endpoint, mode });
  }

  async *frames(): AsyncGenerator<Frame, void, undefined> {
    let turnBegan = performance.now();
    while (!this.#stopped) {
      const parts = await this.#receive();
      if (parts === null) {
        turnBegan = performance.now();
        continue;
      }
      yield { source: this.name, endpoint: this.#endpoint, parts, receivedAt: Date.now() };
      if (performance.now() - turnBegan > maxTurn) {
        await nextTurn();
        turnBegan = performance.now();
      }
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when the port is free again. */
  async close(): Promise<void> {
    this.#stopped = true;
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    clearInterval(this.#upkeep);
    // zeromq 6.8.0 may crash the process when a socket is closed under a pending receive.
    await this.#pending?.catch(() => undefined);
    socket.close();
    await Promise.race([this.#monitored, delay(closeTimeout, undefined, { ref: false })]);
    this.#observe({ fact: 'source-closed', source: this.name, endpoint: this.#endpoint });
  }

  #createSocket(): Subscriber {
    const { receiveHighWaterMark, maxMessageSize } = this.#options;
    return new Subscriber({
      // Dual stack: `tcp://*` then serves IPv4 too. libzmq falls back to IPv4 where the kernel has no IPv6.
      ipv6: true,
      linger: 0,
      receiveHighWaterMark,
      maxMessageSize,
      receiveTimeout,
      reconnectInterval: 100,
      reconnectMaxInterval: 1_000,
      // A host that vanished without a word is noticed in about 90 s; ZMTP heartbeats are no choice, since not every
      // publisher's library answers them.
      tcpKeepalive: 1,
      tcpKeepaliveIdle: 60,
      tcpKeepaliveInterval: 10,
      tcpKeepaliveCount: 3,
    });
  }

  #monitor(socket: Subscriber): Promise<void> {
    const place = () => ({ source: this.name, endpoint: this.#endpoint });
    return new ConnectionMonitor(place, this.#observe).follow(socket.events);
  }

  /**
   * A bound SUB hands its subscriptions to a new publisher only when the socket is used: while a slow reader holds a
   * frame, this keeps newcomers from sending into the void.
   */
  #keepUp(): void {
    if (this.#pending === null) void this.#socket?.readable;
  }

  /** The next message, or null when none came within the timeout or the socket is closed. */
  async #receive(): Promise<Buffer[] | null> {
    const socket = this.#socket;
    if (socket === null) throw new BridgeError('NOT_OPEN', `source ${this.name} is not open`);
    try {
      const receiving = socket.receive();
      this.#pending = receiving;
      return await receiving;
    } catch (error) {
      const code = codeOf(error) ?? 'UNKNOWN';
      if (code === 'EAGAIN' || (socket.closed && (code === 'ENOTSOCK' || code === 'EBADF'))) return null;
      throw new BridgeError(code, `source ${this.name}: receiving on ${this.#endpoint} failed: ${messageOf(error)}`, {
        cause: error,
      });
    } finally {
      this.#pending = null;
    }
  }
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process uses the port; end it or choose another port',
  EADDRNOTAVAIL: 'the address belongs to none of this machine’s interfaces; bind tcp://*:<port> or a local address',
  ENODEV: 'the host is no interface or address of this machine; bind tcp://*:<port> or a local address',
  EAGAIN: 'the name does not resolve now; check the name server or use an address',
  EACCES: 'this user may not use the port or path; choose a port above 1023 or give the right',
  EPROTONOSUPPORT: 'the transport is not supported; use tcp://host:port',
  EINVAL: 'the address is not valid; write it like tcp://10.0.0.7:5557',
  ENOENT: 'the folder of the ipc path does not exist; create it',
};

function openError(error: unknown, mode: 'bind' | 'connect', endpoint: string): BridgeError {
  const code = codeOf(error) ?? 'UNKNOWN';
  const remedy = remedies[code] ?? 'check the address';
  return new BridgeError(code, `cannot ${mode} ${endpoint}: ${messageOf(error)} (${code}); ${remedy}`, {
    cause: error,
  });
}
