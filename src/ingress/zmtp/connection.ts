import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { readBytes } from '../../core/socket-reads.ts';
import type { Buffers } from './buffers.ts';
import type { HeartbeatTimes } from './heartbeat.ts';
import { Heartbeat } from './heartbeat.ts';
import type { MachineOptions } from './machine.ts';
import { ZmtpMachine } from './machine.ts';
import { receive } from './receive.ts';
import { ZmtpError } from './zmtp-error.ts';

export interface ConnectionOptions extends MachineOptions {
  /** Milliseconds from the connection to the end of the handshake. */
  readonly handshakeTimeout: number;
  /** Null: a publisher that hangs is not noticed. */
  readonly heartbeats: HeartbeatTimes | null;
  /** Of all connections of the source: where reads go. */
  readonly shared: Buffer;
}

/** A connected socket and what there is to know about it. */
export interface Accepted {
  readonly socket: Socket;
  readonly peer: string;
  readonly number: number;
}

/** Called synchronously from socket events; must not throw. */
export interface ConnectionEvents {
  readonly onEstablished: (connection: ZmtpConnection) => void;
  /** There are messages to take where there were none. */
  readonly onMessages: (connection: ZmtpConnection) => void;
  /** So many bytes more, or fewer, are kept of a message that is not all there; false: that is too much. */
  readonly onHeld: (change: number) => boolean;
  /** The publisher answers no heartbeats: none are sent any more. At most once. */
  readonly onNoHeartbeats: (connection: ZmtpConnection) => void;
  /** Last and once; `failure`: why this side ended it. What is not taken yet can still be taken. */
  readonly onClosed: (connection: ZmtpConnection, failure: ZmtpError | null) => void;
}

type Messages = readonly (readonly Buffer[])[];

const none: Messages = [];
/** What a peer that reads nothing can make us keep by sending PINGs. */
const maxUnsent = 65_536;
/** A host that vanished without a word is noticed in about 70 s. */
const keepAliveDelay = 60_000;

interface Chunk {
  readonly room: Buffer;
  readonly length: number;
  readonly receivedAt: number;
}

/**
 * One TCP connection to a publisher. After a read that was full, or a second one before the messages of the first were
 * taken, it reads nothing more until they are: it holds one chunk, seldom two, the beginning of one message, and what Node.js
 * had read already. To stop after each read would cost two system calls for every batch of a quiet engine.
 */
export class ZmtpConnection {
  /** IP address of the publisher's end. */
  readonly peer: string;
  /** Rises with each connection of the source. */
  readonly number: number;
  readonly #socket: Socket;
  readonly #machine: ZmtpMachine;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #buffers: Buffers;
  /** What the messages are views of. */
  #chunk: Chunk | null = null;
  /** Came while there were messages to take. */
  #next: Chunk | null = null;
  readonly #openedAt = performance.now();
  #heartbeat: Heartbeat | null = null;
  #messages: Messages = none;
  #hasHeard = false;
  #held = 0;
  #wasEstablished = false;
  #ended = false;
  #failure: ZmtpError | null = null;

  constructor({ socket, peer, number }: Accepted, options: ConnectionOptions, events: ConnectionEvents) {
    this.#socket = socket;
    this.peer = peer;
    this.number = number;
    this.#options = options;
    this.#events = events;
    this.#buffers = options.buffers;
    this.#machine = new ZmtpMachine(options);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveDelay);
    receive(socket, options.shared, (bytes) => this.#read(bytes));
    // A reset, for example; `close` follows.
    socket.on('error', () => undefined);
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#closed());
    this.#send();
  }

  /** The handshake was done; also once the connection has ended. */
  get wasEstablished(): boolean {
    return this.#wasEstablished;
  }

  get hasHeartbeats(): boolean {
    return this.#machine.hasHeartbeats;
  }

  /** Nothing more comes but what there is to take. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  get hasMessages(): boolean {
    return this.#messages.length > 0;
  }

  /** The peer sent something. */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  /** When the messages that can be taken now came, milliseconds since 1970. */
  get receivedAt(): number {
    return this.#chunk?.receivedAt ?? 0;
  }

  /** The messages there are, 512 at most: views of memory that is used again after `handled`. */
  get messages(): Messages {
    return this.#messages;
  }

  /** Nobody looks at the messages any more. There may be further ones then; where there are none, reading goes on. */
  handled(): void {
    this.#keep(this.#machine.rest());
    if (this.#messages.length > 0) return;
    this.#forget();
    const next = this.#next;
    this.#next = null;
    if (next !== null) this.#open(next);
    if (!this.#socket.isPaused()) return;
    this.#heartbeat?.excuse(performance.now());
    this.#socket.resume();
  }

  /** Ends what takes too long and keeps heartbeats going; called several times a second. */
  check(now: number): void {
    if (this.#ended || this.hasMessages) return;
    if (!this.#wasEstablished) {
      const { handshakeTimeout } = this.#options;
      if (now - this.#openedAt <= handshakeTimeout) return;
      const { ifSilent } = this.#machine;
      const why = ifSilent === null ? '' : `: ${ifSilent}`;
      this.fail(new ZmtpError('handshake_timeout', `no ZMTP handshake within ${handshakeTimeout} ms${why}`));
      return;
    }
    this.#checkHeartbeat(now);
  }

  /** Ends the connection without waiting for anything. */
  fail(failure: ZmtpError | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    if (this.#ended) return;
    this.#hasHeard = true;
    this.#heartbeat?.heard(performance.now());
    const room = this.#buffers.take(bytes.length);
    bytes.copy(room);
    const chunk = { room, length: bytes.length, receivedAt: Date.now() };
    if (this.hasMessages) this.#next = chunk;
    else if (this.#open(chunk)) this.#events.onMessages(this);
    if (this.#next !== null || (this.hasMessages && bytes.length >= readBytes)) this.#socket.pause();
  }

  /** Whether there are messages to take then. */
  #open(chunk: Chunk): boolean {
    this.#chunk = chunk;
    this.#keep(this.#machine.push(chunk.room.subarray(0, chunk.length)));
    if (!this.hasMessages) this.#forget();
    return this.hasMessages;
  }

  /** Nobody looks at the bytes of the chunk any more. */
  #forget(): void {
    this.#machine.release();
    if (this.#chunk !== null) this.#buffers.give(this.#chunk.room);
    this.#chunk = null;
  }

  #keep(messages: Messages): void {
    this.#messages = messages;
    if (this.#machine.isEstablished && !this.#wasEstablished) this.#establish();
    this.#send();
    if (this.#machine.failure !== null) this.fail(this.#machine.failure);
    else if (!this.#ended) this.#hold(this.#machine.held);
  }

  #hold(held: number): void {
    const change = held - this.#held;
    this.#held = held;
    if (change === 0 || this.#events.onHeld(change) || change < 0) return;
    this.fail(new ZmtpError('too_large', 'the unfinished messages of all connections together are too large'));
  }

  #establish(): void {
    this.#wasEstablished = true;
    const { heartbeats } = this.#options;
    if (heartbeats !== null && this.hasHeartbeats) this.#heartbeat = new Heartbeat(heartbeats, performance.now());
    this.#events.onEstablished(this);
  }

  #checkHeartbeat(now: number): void {
    const verdict = this.#heartbeat?.check(now, this.#machine.pongs) ?? 'well';
    if (verdict === 'ask') {
      this.#machine.ping();
      this.#send();
    } else if (verdict === 'deaf') {
      this.#events.onNoHeartbeats(this);
    } else if (verdict === 'silent') {
      this.fail(
        new ZmtpError(
          'silent',
          'the engine is connected but answers nothing: it hangs, or the network drops its packets',
        ),
      );
    }
  }

  #send(): void {
    const bytes = this.#machine.takeOutput();
    if (bytes === null || this.#ended) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > maxUnsent) {
      this.fail(new ZmtpError('deaf', 'the peer reads nothing of what it asks for'));
    }
  }

  #closed(): void {
    if (!this.#ended) this.#failure = this.#machine.ifClosed;
    this.#ended = true;
    this.#hold(0);
    this.#events.onClosed(this, this.#failure);
  }
}
