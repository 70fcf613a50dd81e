import { performance } from 'node:perf_hooks';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Context } from 'zeromq';
import { context as commonContext, Context as OwnContext, Subscriber } from 'zeromq';
import { BridgeError, codeOf, messageOf } from '../core/errors.ts';
import type { Frame } from '../core/frame.ts';
import type { Observe } from '../core/observer.ts';
import type { Security } from '../core/security.ts';
import { noSecurity } from '../core/security.ts';
import type { Source } from '../core/source.ts';
import { Connection } from './connection.ts';
import { checkEndpoint, resolvedEndpoint } from './endpoint.ts';
import { ConnectionMonitor } from './monitor.ts';
import { openError } from './open-error.ts';
import type { ReconnectTimes } from './reconnector.ts';
import { clientOptions, hintOf, serverOptions } from './socket-security.ts';
import { ZapHandler } from './zap/handler.ts';

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
  /** Milliseconds between two heartbeats of a connected source; 0 or absent: none. A bound source has none. */
  readonly heartbeatInterval?: number;
  /** Milliseconds without an answer to a heartbeat until the publisher counts as silent. */
  readonly heartbeatTimeout?: number;
  /** NULL unless told. */
  readonly security?: Security;
  /**
   * A libzmq context with room for 3 sockets per bound and 6 per connected source; the common one unless told: 1023. A bound source that checks
   * credentials has its own.
   */
  readonly context?: Context;
  /** For tests; `reconnectTimes` unless told. */
  readonly reconnectTimes?: Partial<ReconnectTimes>;
  /** 0 <= r < 1; spreads what many sources would do at once. */
  readonly random?: () => number;
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
  readonly #context: Context;
  /** Of a bound source that checks credentials. */
  readonly #handler: ZapHandler | null;
  #socket: Subscriber | null = null;
  #monitored: Promise<void> = Promise.resolve();
  #upkeep: NodeJS.Timeout | undefined;
  #pending: Promise<unknown> | null = null;
  /** Of a connected source. */
  #connection: Connection | null = null;
  #lastFrameAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: ZmqSourceOptions, observe: Observe) {
    this.#options = options;
    this.#observe = observe;
    this.#endpoint = options.endpoint;
    const { mode, context = commonContext, security = noSecurity } = options;
    const isGuarded = mode === 'bind' && security.mechanism !== 'NULL';
    this.#context = isGuarded ? new OwnContext() : context;
    const onRefused = (peer: string, why: string) => this.#refused(peer, why);
    this.#handler = isGuarded ? new ZapHandler({ context: this.#context, security, onRefused }) : null;
  }

  get name(): string {
    return this.#options.name;
  }

  /** The configured endpoint; once it is open, with the chosen port where the configured one is 0. */
  get endpoint(): string {
    return this.#endpoint;
  }

  async open(onReconnect: () => void = () => undefined): Promise<void> {
    const { endpoint, mode, topics } = this.#options;
    checkEndpoint(endpoint, mode);
    const socket = this.#createSocket();
    await this.#handler?.open();
    this.#monitored = this.#monitor(socket, onReconnect);
    for (const topic of topics) socket.subscribe(topic);
    try {
      if (mode === 'bind') await socket.bind(endpoint);
      else socket.connect(endpoint);
    } catch (error) {
      this.#connection?.stop();
      socket.close();
      await this.#monitored;
      await this.#handler?.close();
      throw openError(error, mode, endpoint);
    }
    this.#endpoint = resolvedEndpoint(endpoint, socket.lastEndpoint);
    this.#socket = socket;
    this.#upkeep = setInterval(() => this.#keepUp(), upkeepInterval).unref();
    this.#observe({ fact: 'source-open', source: this.name, endpoint: this.#endpoint, mode });
  }

  async *frames(): AsyncGenerator<readonly Frame[], void, undefined> {
    let turnBegan = performance.now();
    while (!this.#stopped) {
      const parts = await this.#receive();
      if (parts === null) {
        turnBegan = performance.now();
        continue;
      }
      this.#lastFrameAt = performance.now();
      const who = { source: this.name, endpoint: this.#endpoint, peer: null, connection: null };
      yield [{ ...who, parts, receivedAt: Date.now() }];
      if (performance.now() - turnBegan > maxTurn) {
        await nextTurn();
        turnBegan = performance.now();
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#connection?.stop();
  }

  /** Resolves when the port is free again. */
  async close(): Promise<void> {
    this.stop();
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    clearInterval(this.#upkeep);
    // zeromq 6.8.0 may crash the process when a socket is closed under a pending receive.
    await this.#pending?.catch(() => undefined);
    socket.close();
    await Promise.race([this.#monitored, delay(closeTimeout, undefined, { ref: false })]);
    await this.#handler?.close();
    this.#observe({ fact: 'source-closed', source: this.name, endpoint: this.#endpoint });
  }

  #createSocket(): Subscriber {
    const { mode, receiveHighWaterMark, maxMessageSize, security = noSecurity } = this.#options;
    return new Subscriber({
      ...(mode === 'bind' ? serverOptions(security, this.name) : clientOptions(security)),
      context: this.#context,
      // Dual stack: `tcp://*` then serves IPv4 too. libzmq falls back to IPv4 where the kernel has no IPv6.
      ipv6: true,
      linger: 0,
      receiveHighWaterMark,
      maxMessageSize,
      receiveTimeout,
      reconnectInterval: 100,
      reconnectMaxInterval: 1_000,
      // A host that vanished without a word is noticed in about 90 s. Never heartbeats here: see HeartbeatProbe.
      tcpKeepalive: 1,
      tcpKeepaliveIdle: 60,
      tcpKeepaliveInterval: 10,
      tcpKeepaliveCount: 3,
    });
  }

  #monitor(socket: Subscriber, onReconnect: () => void): Promise<void> {
    const place = () => ({ source: this.name, endpoint: this.#endpoint });
    const { mode, security = noSecurity } = this.#options;
    if (mode === 'bind')
      return new ConnectionMonitor(place, this.#unlessRefused, { hint: hintOf(security, mode) }).follow(socket.events);
    const connection = this.#connect(socket, () => monitor.dropped(), onReconnect);
    const monitor = new ConnectionMonitor(place, this.#observe, { listener: connection, hint: hintOf(security, mode) });
    this.#connection = connection;
    return monitor.follow(socket.events);
  }

  #refused(peer: string, why: string): void {
    const message = `a peer was turned away: ${why}`;
    const place = { source: this.name, endpoint: this.#endpoint };
    this.#observe({ fact: 'source-trouble', ...place, peer, reason: 'handshake_auth', message });
  }

  /** Of refusals the handler has told, with the address. */
  readonly #unlessRefused: Observe = (fact) => {
    const isTold = this.#handler !== null && fact.fact === 'source-trouble' && fact.reason === 'handshake_auth';
    if (!isTold) this.#observe(fact);
  };

  #connect(socket: Subscriber, onDropped: () => void, onReconnect: () => void): Connection {
    const { endpoint, heartbeatInterval: interval = 0, heartbeatTimeout: timeout = 15_000 } = this.#options;
    const { random = Math.random, reconnectTimes: times = {} } = this.#options;
    const calls = { observe: this.#observe, isQuiet: (since: number) => this.#isQuiet(socket, since), onDropped };
    const heartbeats = interval === 0 ? null : { interval, timeout };
    const { security = noSecurity } = this.#options;
    const place = { source: this.name, endpoint, context: this.#context, socket, security };
    return new Connection({ ...place, ...calls, heartbeats, times, random, onReconnect });
  }

  #isQuiet(socket: Subscriber, since: number): boolean {
    return this.#lastFrameAt < since && (this.#pending !== null || !socket.readable);
  }

  /**
   * A bound SUB hands its subscriptions to a new publisher only when the socket is used: while a slow reader holds a
   * frame, this keeps newcomers from sending into the void.
   */
  #keepUp(): void {
    if (this.#pending === null) void this.#socket?.readable;
    this.#connection?.keepUp();
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
