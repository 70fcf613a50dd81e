import type { Event, Observer } from 'zeromq';
import type { Observe } from '../core/observer.ts';

interface Place {
  readonly source: string;
  readonly endpoint: string;
}

/** What becomes of the one connection of a connected socket. Called synchronously from the monitor. */
export interface ConnectionListener {
  /** libzmq dials, or waits to dial. */
  dialling(): void;
  /** The handshake is done: frames come. */
  established(): void;
  /** There was a connection, perhaps without a handshake. */
  lost(): void;
}

/** Why a connection was refused or lost its handshake; they become metric labels. */
type Trouble =
  | 'accept_failed'
  | 'handshake_auth'
  | 'handshake_failed'
  | 'handshake_protocol'
  | 'rejected'
  | 'unreachable';

const handshakeTroubles = {
  'handshake:error:protocol': 'handshake_protocol',
  'handshake:error:auth': 'handshake_auth',
  'handshake:error:other': 'handshake_failed',
} as const;

/**
 * Turns a socket's connection events into facts. libzmq's events name the local address only, so connections
 * can't be told apart; they can be counted.
 */
export class ConnectionMonitor {
  readonly #place: () => Place;
  readonly #observe: Observe;
  readonly #listener: ConnectionListener | null;
  readonly #hint: string;
  #open = 0;
  #handshaking = 0;
  /** Of those: failed, and not closed yet. Who is refused for now (ZAP status 300) stays until its time is over. */
  #failed = 0;
  #peers = 0;
  #unreachable = false;
  #previous: Event['type'] = 'end';

  /**
   * `place` is asked for each fact: the endpoint's port may only be known after the bind. With a `listener` the socket is
   * a connected one, which has one connection at most. `hint`: what to look at when a handshake fails.
   */
  constructor(
    place: () => Place,
    observe: Observe,
    { listener = null, hint = '' }: { readonly listener?: ConnectionListener | null; readonly hint?: string } = {},
  ) {
    this.#place = place;
    this.#observe = observe;
    this.#listener = listener;
    this.#hint = hint === '' ? '' : ` (${hint})`;
  }

  /** The socket dropped its connection itself: libzmq reports nothing then. */
  dropped(): void {
    this.#open = 0;
    this.#handshaking = 0;
    this.#failed = 0;
    this.#report();
  }

  /**
   * Follows the socket until it is closed; never rejects. The observer must be iterated: its emitter mode raises an
   * unhandled rejection when the socket closes (zeromq 6.8.0).
   */
  async follow(events: Observer): Promise<void> {
    try {
      for await (const event of events) {
        this.#take(event);
        this.#tell(event.type);
        this.#previous = event.type;
        if (event.type === 'end') break;
      }
    } catch {
      // The observer's socket went away under its pending receive: the same end, in another form.
    }
    this.dropped();
  }

  #tell(type: Event['type']): void {
    if (type === 'handshake') this.#listener?.established();
    else if (type === 'disconnect') this.#listener?.lost();
    else if (type === 'connect' || type === 'connect:delay' || type === 'connect:retry') this.#listener?.dialling();
  }

  #take(event: Event): void {
    switch (event.type) {
      case 'accept':
        this.#open += 1;
        this.#handshaking += 1;
        break;
      case 'connect':
        this.#open = 1;
        this.#handshaking = 1;
        this.#failed = 0;
        break;
      case 'handshake':
        this.#handshakeEnded();
        this.#unreachable = false;
        break;
      case 'handshake:error:protocol':
      case 'handshake:error:auth':
      case 'handshake:error:other':
        this.#failed += 1;
        this.#trouble(
          handshakeTroubles[event.type],
          `the ZeroMQ handshake with a peer failed: ${event.error.message}${this.#hint}`,
        );
        break;
      case 'disconnect':
        this.#disconnected();
        break;
      case 'connect:retry':
        this.#retrying();
        break;
      case 'accept:error':
        this.#trouble('accept_failed', `a connection could not be accepted: ${event.error.message}`);
        break;
    }
    this.#report();
  }

  /** A failed handshake has its own event before `disconnect`; a peer of a wrong socket type has none. */
  #disconnected(): void {
    this.#open = Math.max(0, this.#open - 1);
    if (this.#failed > 0) {
      this.#failed -= 1;
      this.#handshakeEnded();
      return;
    }
    if (this.#previous !== 'accept' && this.#previous !== 'connect') return;
    this.#handshakeEnded();
    this.#trouble('rejected', 'a peer was turned away: its socket is not a publisher (PUB or XPUB)');
  }

  #handshakeEnded(): void {
    this.#handshaking = Math.max(0, this.#handshaking - 1);
  }

  #retrying(): void {
    if (this.#unreachable) return;
    this.#unreachable = true;
    this.#trouble('unreachable', 'no connection to the engine; trying again until there is one');
  }

  #report(): void {
    const peers = Math.max(0, this.#open - this.#handshaking);
    if (peers === this.#peers) return;
    this.#peers = peers;
    this.#observe({ fact: 'source-peers', ...this.#place(), peers });
  }

  #trouble(reason: Trouble, message: string): void {
    this.#observe({ fact: 'source-trouble', ...this.#place(), reason, message });
  }
}
