import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BridgeError } from '../../core/errors.ts';
import type { Frame } from '../../core/frame.ts';
import type { Observe } from '../../core/observer.ts';
import { noSecurity } from '../../core/security.ts';
import type { Source } from '../../core/source.ts';
import { checkEndpoint, readTcp } from '../endpoint.ts';
import { openError } from '../open-error.ts';
import { Acceptor } from './acceptor.ts';
import { bareHost, listenAddresses } from './address.ts';
import type { ZmtpConnection } from './connection.ts';
import type { ConnectionLimits } from './connections.ts';
import { Connections } from './connections.ts';
import type { DialTimes } from './dialler.ts';
import { Dialler, dialTimes } from './dialler.ts';
import type { ZmtpSecurity } from './mechanisms.ts';
import { sayTrouble } from './trouble.ts';

export interface ZmtpSourceOptions {
  /** Name of the source, as in the configuration. */
  readonly name: string;
  /** `tcp://host:port`; port 0 binds any free one. */
  readonly endpoint: string;
  readonly mode: 'bind' | 'connect';
  /** Topic prefixes, as ZeroMQ matches them: `kv@10.0.0.1` also takes `kv@10.0.0.10`. `''` takes everything. */
  readonly topics: readonly string[];
  /** Bytes of one message at which its connection is given up: a hard stop far above every real batch; -1 = 2 GiB. */
  readonly maxMessageSize: number;
  /** Milliseconds between two heartbeats of a quiet connection; 0 or absent: none. */
  readonly heartbeatInterval?: number;
  /** Milliseconds without an answer to a heartbeat until the publisher counts as silent. */
  readonly heartbeatTimeout?: number;
  /** Milliseconds that a handshake may take. */
  readonly handshakeTimeout?: number;
  /** NULL unless told. */
  readonly security?: ZmtpSecurity;
  /** For looking at peers, see `MachineOptions`. */
  readonly isReserved?: boolean;
  readonly limits?: Partial<ConnectionLimits>;
  /** For tests; `dialTimes` unless told. */
  readonly reconnectTimes?: Partial<DialTimes>;
  /** 0 <= r < 1; spreads what many sources would do at once. */
  readonly random?: () => number;
}

/** A backlog is there at once; timers and other sockets must get their turn. */
const maxTurn = 5;
const largestMessage = 0x7fff_ffff;
/** Engines behind one address are many where a proxy or NAT is between. */
const defaultLimits: ConnectionLimits = { total: 4_096, perAddress: 1_024, unfinished: 536_870_912 };
const defaultHandshakeTimeout = 10_000;

/** A SUB that speaks ZMTP itself: bound, with any number of publishers dialling in, or connected to one publisher. */
export class ZmtpSource implements Source {
  readonly #options: ZmtpSourceOptions;
  readonly #observe: Observe;
  readonly #place = () => ({ source: this.name, endpoint: this.#endpoint });
  #endpoint: string;
  #connections: Connections | null = null;
  #acceptor: Acceptor | null = null;
  #dialler: Dialler | null = null;
  #stopped = false;

  constructor(options: ZmtpSourceOptions, observe: Observe) {
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

  async open(onReconnect: () => void = () => undefined): Promise<void> {
    const { endpoint, mode } = this.#options;
    const { host, port } = tcpEndpoint(endpoint, mode);
    const connections = this.#createConnections();
    this.#connections = connections;
    if (mode === 'bind') await this.#listen(connections, host, port);
    else this.#dial(connections, { host: bareHost(host), port, onReconnect });
    this.#observe({ fact: 'source-open', source: this.name, endpoint: this.#endpoint, mode });
    if (this.#stopped) connections.rotation.end();
    else this.#dialler?.start();
  }

  async *frames(): AsyncGenerator<readonly Frame[], void, undefined> {
    const rotation = this.#connections?.rotation;
    if (rotation === undefined) throw new BridgeError('NOT_OPEN', `source ${this.name} is not open`);
    let turnBegan = performance.now();
    while (!this.#stopped) {
      const connection = rotation.next();
      if (connection === null) {
        await rotation.wait();
        turnBegan = performance.now();
        continue;
      }
      yield this.#framesOf(connection);
      connection.handled();
      rotation.done(connection);
      if (performance.now() - turnBegan > maxTurn) {
        await nextTurn();
        turnBegan = performance.now();
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#dialler?.stop();
    this.#connections?.rotation.end();
  }

  /** Resolves when the port is free again. */
  async close(): Promise<void> {
    this.stop();
    const connections = this.#connections;
    if (connections === null) return;
    this.#connections = null;
    const unbound = this.#acceptor?.close();
    await connections.close();
    await unbound;
    this.#observe({ fact: 'source-closed', source: this.name, endpoint: this.#endpoint });
  }

  #framesOf(from: ZmtpConnection): readonly Frame[] {
    const { peer, receivedAt } = from;
    const { source, endpoint } = this.#place();
    // A source that connects says by `onReconnect` that its connection is a new one.
    const connection = this.#dialler === null ? from.number : null;
    return from.messages.map((parts) => ({ source, endpoint, peer, connection, parts, receivedAt }));
  }

  #createConnections(): Connections {
    const { topics, mode, maxMessageSize, handshakeTimeout = defaultHandshakeTimeout } = this.#options;
    const { heartbeatInterval: interval = 0, heartbeatTimeout: timeout = 15_000, isReserved = false } = this.#options;
    return new Connections({
      topics,
      security: this.#options.security ?? noSecurity,
      isReserved,
      maxMessageSize: maxMessageSize < 0 ? largestMessage : maxMessageSize,
      handshakeTimeout,
      heartbeats: interval === 0 ? null : { interval, timeout },
      isBound: mode === 'bind',
      limits: { ...defaultLimits, ...this.#options.limits },
      place: this.#place,
      observe: this.#observe,
    });
  }

  async #listen(connections: Connections, host: string, port: number): Promise<void> {
    const { endpoint } = this.#options;
    const acceptor = new Acceptor({
      onSocket: (socket) => connections.adopt(socket),
      onError: ({ message }) =>
        this.#trouble({ reason: 'accept_failed', message: `a connection could not be accepted: ${message}` }),
    });
    try {
      const addresses = listenAddresses(host);
      if (addresses.length === 0) throw new BridgeError('ENODEV', `there is no interface ${host}`);
      const chosen = await acceptor.listen(addresses, port);
      if (port === 0) this.#endpoint = `tcp://${host}:${chosen}`;
    } catch (error) {
      this.#connections = null;
      await connections.close();
      throw openError(error, 'bind', endpoint);
    }
    this.#acceptor = acceptor;
  }

  #dial(
    connections: Connections,
    target: { readonly host: string; readonly port: number; readonly onReconnect: () => void },
  ): void {
    const { random = Math.random, reconnectTimes } = this.#options;
    const times = { ...dialTimes, ...reconnectTimes };
    const onTrouble = (trouble: Parameters<typeof sayTrouble>[2]) => this.#trouble(trouble);
    this.#dialler = new Dialler({ ...target, connections, times, random, onTrouble });
  }

  #trouble(trouble: Parameters<typeof sayTrouble>[2]): void {
    sayTrouble({ place: this.#place, observe: this.#observe }, null, trouble);
  }
}

function tcpEndpoint(endpoint: string, mode: 'bind' | 'connect') {
  checkEndpoint(endpoint, mode);
  const tcp = readTcp(endpoint);
  if (tcp === null) throw new BridgeError('EPROTONOSUPPORT', `endpoint ${endpoint} needs libzmq: transport libzmq`);
  if (/[\s/]/.test(tcp.host)) {
    throw openError(new BridgeError('EINVAL', 'no host name has such characters'), mode, endpoint);
  }
  return tcp;
}
