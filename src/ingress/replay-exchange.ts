import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Context } from 'zeromq';
import { Dealer } from 'zeromq';
import { messageOf } from '../core/errors.ts';
import type { AttemptEnd, AttemptOptions, AttemptOutcome, ReplayedFrame, ReplayTarget } from '../core/replay.ts';
import type { ReplayMessage } from '../wire/replay.ts';
import { readReply, replayRequest } from '../wire/replay.ts';
import { clientOptions } from './socket-security.ts';

export interface ReplayTimeouts {
  /** Until the publisher's socket is there, milliseconds. */
  readonly connect: number;
  /** From the request to its first answer: the publisher's only thread may be busy, with another replay for example. */
  readonly firstAnswer: number;
  /** Between two answers. */
  readonly idle: number;
}

export interface ExchangeOptions extends AttemptOptions {
  readonly context: Context;
  readonly target: ReplayTarget;
  readonly from: bigint;
  readonly timeouts: ReplayTimeouts;
  /** Bytes of one frame at which libzmq gives up the connection; -1 = none. */
  readonly maxMessageSize: number;
}

/**
 * Silence is counted in slices, not read from a clock: when this process was suspended or busy, one slice has passed,
 * and what the kernel holds meanwhile is read before the next one counts. Also the longest time until an abort is seen.
 */
const slice = 100;
/** A socket with a backlog answers at once for hundreds of messages; timers and other sockets must get their turn. */
const maxTurn = 5;

/** One request and its answers over a socket of its own: a late answer to an earlier request can't be mistaken. */
export class ReplayExchange {
  readonly #options: ExchangeOptions;
  readonly #take: (frame: ReplayedFrame) => void;
  #frames = 0;
  #bytes = 0;
  #unreadable = 0;
  #firstReason = '';
  #lastError = '';

  constructor(options: ExchangeOptions, take: (frame: ReplayedFrame) => void) {
    this.#options = options;
    this.#take = take;
  }

  /** Called once; rejects only with what `take` throws. No operation is pending when the socket is closed. */
  async run(): Promise<AttemptOutcome> {
    let socket: Dealer | undefined;
    try {
      socket = this.#connect();
      if (socket === undefined) return this.#outcome('unreachable');
      const asked = await this.#ask(socket);
      if (this.#options.signal.aborted) return this.#outcome('aborted');
      return this.#outcome(asked ? await this.#read(socket) : 'unreachable');
    } finally {
      socket?.close();
    }
  }

  #connect(): Dealer | undefined {
    const { context, target, maxMessageSize } = this.#options;
    let socket: Dealer | undefined;
    try {
      socket = new Dealer({
        context,
        ipv6: true,
        linger: 0,
        // Only while there is a connection a request is taken: it would otherwise reach a publisher that comes later.
        immediate: true,
        sendTimeout: slice,
        receiveTimeout: slice,
        // With a mark, the publisher's ROUTER would drop what this side is too slow to take.
        receiveHighWaterMark: 0,
        maxMessageSize,
        ...clientOptions(target.security),
      });
      socket.connect(target.endpoint);
      return socket;
    } catch (error) {
      this.#lastError = messageOf(error);
      socket?.close();
      return undefined;
    }
  }

  /** Whether the request is on its way. */
  async #ask(socket: Dealer): Promise<boolean> {
    const { from, signal, timeouts } = this.#options;
    for (let waited = 0; waited < timeouts.connect && !signal.aborted; waited += slice) {
      try {
        await socket.send(replayRequest(from));
        return true;
      } catch (error) {
        this.#noteError(error);
      }
    }
    return false;
  }

  async #read(socket: Dealer): Promise<AttemptEnd> {
    const { signal, timeouts } = this.#options;
    let turnBegan = performance.now();
    let silence = 0;
    let answered = false;
    while (!signal.aborted) {
      const parts = await this.#receive(socket);
      if (parts === null) {
        silence += slice;
        if (silence >= (answered ? timeouts.idle : timeouts.firstAnswer)) return 'idle';
        turnBegan = performance.now();
        continue;
      }
      silence = 0;
      answered = true;
      const end = this.#accept(parts);
      if (end !== null) return end;
      if (performance.now() - turnBegan > maxTurn) {
        await nextTurn();
        turnBegan = performance.now();
      }
    }
    return 'aborted';
  }

  /** Null for a slice of silence; a socket that fails is taken for a silent one. */
  async #receive(socket: Dealer): Promise<Buffer[] | null> {
    try {
      return await socket.receive();
    } catch (error) {
      this.#noteError(error);
      return null;
    }
  }

  #accept(parts: readonly Buffer[]): AttemptEnd | null {
    const reply = readReply(parts);
    if (reply.kind === 'end') return 'end';
    this.#bytes += parts.reduce((sum, part) => sum + part.length, 0);
    const firstBatch = reply.kind === 'batch' && this.#frames === 0;
    if (this.#bytes > this.#options.maxBytes && !firstBatch) return 'budget';
    this.#hand(reply);
    return null;
  }

  #hand(reply: Exclude<ReplayMessage, { kind: 'end' }>): void {
    if (reply.kind === 'unreadable') {
      if (this.#unreadable === 0) this.#firstReason = reply.reason;
      this.#unreadable += 1;
      return;
    }
    this.#frames += 1;
    const { seq, topic, payload } = reply;
    this.#take({
      seq,
      topic: topic === null ? null : Buffer.from(topic),
      payload: Buffer.from(payload),
      receivedAt: Date.now(),
    });
  }

  #noteError(error: unknown): void {
    // EAGAIN is how zeromq reports a timeout.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#lastError = messageOf(error);
  }

  #outcome(reached: AttemptEnd): AttemptOutcome {
    const silent = reached === 'end' || reached === 'idle';
    const end = silent && this.#frames === 0 && this.#unreadable > 0 ? 'malformed' : reached;
    const message = [this.#reason(reached), this.#unreadableNote(), this.#lastError].filter(Boolean).join('; ');
    return { end, frames: this.#frames, unreadable: this.#unreadable, ...(message !== '' && { message }) };
  }

  #reason(end: AttemptEnd): string {
    const { target, timeouts } = this.#options;
    const { endpoint } = target;
    if (end === 'unreachable') {
      const doubt = target.security.mechanism === 'NULL' ? '' : ', or it is not content with the credentials';
      return `no replay socket at ${endpoint} within ${timeouts.connect} ms${doubt}`;
    }
    if (end !== 'idle') return '';
    return this.#frames + this.#unreadable === 0
      ? `${endpoint} took the request and did not answer for ${timeouts.firstAnswer} ms`
      : `${endpoint} fell silent for ${timeouts.idle} ms without an end marker`;
  }

  #unreadableNote(): string {
    if (this.#unreadable === 0) return '';
    return `${this.#unreadable} answers could not be read, the first: ${this.#firstReason}`;
  }
}
