import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Observe } from '../../core/observer.ts';
import { sharedBuffer } from '../../core/socket-reads.ts';
import { plainAddress } from './address.ts';
import { Buffers } from './buffers.ts';
import type { ConnectionOptions } from './connection.ts';
import { ZmtpConnection } from './connection.ts';
import { Rotation } from './rotation.ts';
import { sayTrouble, troubleOf } from './trouble.ts';
import { ZmtpError } from './zmtp-error.ts';

export interface ConnectionLimits {
  readonly total: number;
  /** From one IP address. */
  readonly perAddress: number;
  /** Bytes of messages that are not all there, of all connections together. */
  readonly unfinished: number;
}

export interface ConnectionsOptions extends Omit<ConnectionOptions, 'buffers' | 'shared'> {
  readonly limits: ConnectionLimits;
  /** Whether publishers dial in, which nobody here has chosen and of which there may be hundreds. */
  readonly isBound: boolean;
  /** Asked for each fact: a bound source may know its port only later. */
  readonly place: () => { readonly source: string; readonly endpoint: string };
  readonly observe: Observe;
}

/** Several times a second, but not much more often than the shortest time limit asks for. */
const checkInterval = 250;

/** Of all sources: what is kept for the next long frame must not add up with their number. */
const buffers = new Buffers();

/** All connections of one source: counts them, keeps them in bounds, and tells of them. */
export class Connections {
  readonly rotation = new Rotation<ZmtpConnection>();
  readonly #options: ConnectionsOptions;
  readonly #memory = { buffers, shared: sharedBuffer() };
  readonly #open = new Set<ZmtpConnection>();
  readonly #perAddress = new Map<string, number>();
  readonly #upkeep: NodeJS.Timeout;
  #accepted = 0;
  #peers = 0;
  #unfinished = 0;
  #minded = false;
  #closing = false;
  #allClosed: (() => void) | null = null;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    const { heartbeats, handshakeTimeout } = options;
    const shortest = Math.min(handshakeTimeout, heartbeats?.interval ?? checkInterval) / 2;
    this.#upkeep = setInterval(() => this.#check(), Math.max(10, Math.min(checkInterval, shortest))).unref();
  }

  /** Takes a connected socket; null, and the socket is closed, where there are too many or it is gone already. */
  adopt(
    socket: Socket,
    onEstablished: () => void = () => undefined,
    onClosed: (failure: ZmtpError | null) => void = () => undefined,
  ): ZmtpConnection | null {
    const peer = plainAddress(socket.remoteAddress);
    if (peer === null || !this.#admits(peer)) {
      socket.on('error', () => undefined).destroy();
      return null;
    }
    this.#accepted += 1;
    const connection = new ZmtpConnection(
      { socket, peer, number: this.#accepted },
      { ...this.#options, ...this.#memory },
      {
        onMessages: (ready) => this.rotation.add(ready),
        onHeld: (change) => {
          this.#unfinished += change;
          return this.#unfinished <= this.#options.limits.unfinished;
        },
        onNoHeartbeats: () => this.#noHeartbeats(peer),
        onEstablished: (established) => {
          this.#established(established);
          onEstablished();
        },
        onClosed: (closed, failure) => {
          this.#closed(closed, failure);
          onClosed(failure);
        },
      },
    );
    this.#open.add(connection);
    this.#perAddress.set(peer, this.#countOf(peer) + 1);
    return connection;
  }

  /** Resolves when all sockets are closed. No connection may be adopted after it. */
  close(): Promise<void> {
    clearInterval(this.#upkeep);
    this.#closing = true;
    for (const connection of this.#open) connection.fail(null);
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#allClosed = resolve;
    });
  }

  #admits(peer: string): boolean {
    const { total, perAddress } = this.#options.limits;
    if (this.#countOf(peer) >= perAddress && !this.#makeRoom((one) => one.peer === peer))
      return this.#turnAway(peer, `${perAddress} connections from this address are open, which is the limit`);
    if (this.#open.size < total || this.#makeRoom(() => true)) return true;
    return this.#turnAway(peer, `${total} connections are open, which is the limit`);
  }

  /** Ends the oldest one without a handshake: strangers, who need no password to connect, are not to keep engines out. */
  #makeRoom(isFit: (connection: ZmtpConnection) => boolean): boolean {
    for (const connection of this.#open) {
      if (connection.wasEstablished || connection.hasEnded || !isFit(connection)) continue;
      connection.fail(
        new ZmtpError('handshake_timeout', 'no ZMTP handshake yet, and its place was needed for another'),
      );
      return true;
    }
    return false;
  }

  #turnAway(peer: string, message: string): false {
    sayTrouble(this.#options, peer, { reason: 'too_many_connections', message: `a peer was turned away: ${message}` });
    return false;
  }

  #countOf(peer: string): number {
    return this.#perAddress.get(peer) ?? 0;
  }

  #established({ peer, hasHeartbeats }: ZmtpConnection): void {
    this.#peers += 1;
    this.#tellPeers();
    const { heartbeats, isBound } = this.#options;
    if (heartbeats !== null && !isBound && !hasHeartbeats) this.#noHeartbeats(peer);
  }

  #closed(connection: ZmtpConnection, failure: ZmtpError | null): void {
    this.#open.delete(connection);
    const left = this.#countOf(connection.peer) - 1;
    if (left > 0) this.#perAddress.set(connection.peer, left);
    else this.#perAddress.delete(connection.peer);
    this.#explain(connection, failure);
    if (connection.wasEstablished) {
      this.#peers -= 1;
      this.#tellPeers();
    }
    if (this.#open.size === 0) this.#allClosed?.();
  }

  /** A connection on which nothing ever came is a port check, and no trouble. */
  #explain({ peer, wasEstablished, hasHeard }: ZmtpConnection, failure: ZmtpError | null): void {
    if (failure !== null) {
      sayTrouble(this.#options, peer, troubleOf(failure, wasEstablished));
    } else if (this.#options.isBound && !wasEstablished && hasHeard && !this.#closing) {
      const message = 'a peer ended the connection in the middle of the ZMTP handshake';
      sayTrouble(this.#options, peer, { reason: 'handshake_failed', message });
    }
  }

  #tellPeers(): void {
    const { place, observe } = this.#options;
    if (this.#closing && this.#peers > 0) return;
    observe({ fact: 'source-peers', ...place(), peers: this.#peers });
  }

  /** Once for each source: it is a property of the engines, not of a connection. */
  #noHeartbeats(peer: string): void {
    if (this.#minded) return;
    this.#minded = true;
    sayTrouble(this.#options, peer, {
      reason: 'no_heartbeats',
      message:
        'the engine answers no ZeroMQ heartbeats (go-zeromq, for example): should it hang, that is not noticed, and nothing else changes. heartbeatInterval 0 for this source avoids this line',
    });
  }

  #check(): void {
    const now = performance.now();
    for (const connection of this.#open) connection.check(now);
  }
}
