import { noSecurity } from '../../core/security.ts';
import type { Buffers } from './buffers.ts';
import type { Command } from './commands.ts';
import { ping, pong, readCommand, readError, subscriptionTo } from './commands.ts';
import { command, FrameReader, more } from './frame-reader.ts';
import { GreetingReader, greetingOf, opening } from './greeting.ts';
import type { Mechanism } from './mechanism.ts';
import { checkPublisher, tooEarly } from './mechanism.ts';
import type { ZmtpSecurity } from './mechanisms.ts';
import { mechanismOf } from './mechanisms.ts';
import { ZmtpError } from './zmtp-error.ts';

export interface MachineOptions {
  /** Where frames go that span chunks. */
  readonly buffers: Buffers;
  /** Prefixes to subscribe to. */
  readonly topics: readonly string[];
  /** Bytes of all frames of one message. */
  readonly maxMessageSize: number;
  /** NULL unless told. */
  readonly security?: ZmtpSecurity;
  /** Whether this side listens; it dials unless told. */
  readonly isBound?: boolean;
  /**
   * Says which mechanism and what kind of socket it has only after the peer has: one that does not fit then names both
   * before it hangs up. For looking at peers; a peer might wait as well, so the bridge does not.
   */
  readonly isReserved?: boolean;
}

const maxFrames = 64;
const maxCommand = 4_096;
/** Longer ones are not kept; short frames have up to 255 bytes. */
const maxTopic = 255;
/** Messages that are cut out of a chunk at once: the smallest take 2 bytes on the wire, and each costs far more here. */
const maxBatch = 512;
const nothing = Buffer.alloc(0);
const none: readonly (readonly Buffer[])[] = [];

/**
 * One SUB's end of a ZMTP 3.0 or 3.1 connection. No socket, no clock: bytes go in, messages and
 * bytes to be sent come out. Messages are views into what was pushed and into memory that is used again after `release`.
 */
export class ZmtpMachine {
  readonly #options: MachineOptions;
  readonly #greeting = new GreetingReader();
  readonly #frames: FrameReader;
  readonly #mechanism: Mechanism;
  #output: Buffer[];
  /** Of our greeting. */
  #unsaid: Buffer;
  #established = false;
  #failure: ZmtpError | null = null;
  #pongs = 0;
  /** Frames of the message that is not all there: so many of these, which are used again for the next one. */
  readonly #parts: Buffer[] = [];
  #count = 0;
  /** So many of them are in memory of their own. */
  #own = 0;
  #size = 0;
  /** Of the last message: a publisher sends the same again and again. */
  #topic: Buffer | null = null;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#frames = new FrameReader({ frame: options.maxMessageSize, command: maxCommand }, options.buffers);
    const { security = noSecurity, isBound = false, isReserved = false } = options;
    this.#mechanism = mechanismOf({ security, isBound, isReserved });
    const greeting = greetingOf(this.#mechanism.greeting);
    const said = isReserved || security.mechanism !== 'NULL' ? opening : greeting.length;
    this.#output = [greeting.subarray(0, said)];
    this.#unsaid = greeting.subarray(said);
  }

  /** The handshake is done and the subscriptions are on their way. */
  get isEstablished(): boolean {
    return this.#established;
  }

  /** Why the connection has to end. What was given before is valid, nothing more comes. */
  get failure(): ZmtpError | null {
    return this.#failure;
  }

  /** What it tells that the peer says nothing more; null: nothing. */
  get ifSilent(): string | null {
    return this.#greeting.isComplete ? this.#mechanism.ifSilent : null;
  }

  /** What it tells that the peer hangs up; null: nothing. */
  get ifClosed(): ZmtpError | null {
    return this.#greeting.isComplete && !this.#established ? this.#mechanism.ifClosed : null;
  }

  /** Whether the peer speaks ZMTP 3.1, which has PING and PONG. */
  get hasHeartbeats(): boolean {
    return this.#greeting.isComplete && this.#greeting.hasCommands;
  }

  /** How many PONGs have come. */
  get pongs(): number {
    return this.#pongs;
  }

  /** Bytes that are kept of a message that is not all there. */
  get held(): number {
    return this.#size + this.#frames.held;
  }

  /** Messages that are whole with this chunk, 512 at most: then `rest` has further ones, and must be asked first. */
  push(chunk: Buffer): readonly (readonly Buffer[])[] {
    return this.#guarded(() => {
      const greeted = this.#greeting.isComplete ? 0 : this.#greet(chunk);
      this.#frames.feed(greeted === 0 ? chunk : chunk.subarray(greeted));
      return this.#cut();
    });
  }

  /** Further messages of the last chunk; none once it is used up. */
  rest(): readonly (readonly Buffer[])[] {
    return this.#frames.isDrained ? none : this.#guarded(() => this.#cut());
  }

  /** All messages so far have been dealt with, and the memory of the chunk they came in is about to be used again. */
  release(): void {
    for (; this.#own < this.#count; this.#own += 1) {
      const part = this.#parts[this.#own] as Buffer;
      if (part !== this.#topic) this.#parts[this.#own] = Buffer.from(part);
    }
    this.#frames.release();
  }

  /** What is to be sent now; null: nothing. */
  takeOutput(): Buffer | null {
    if (this.#output.length === 0) return null;
    const bytes = Buffer.concat(this.#output);
    this.#output = [];
    return bytes;
  }

  /** Only once it is established, and only to a peer that has heartbeats. */
  ping(): void {
    this.#output.push(ping());
  }

  #guarded(read: () => readonly (readonly Buffer[])[]): readonly (readonly Buffer[])[] {
    if (this.#failure !== null) return none;
    try {
      return read();
    } catch (error) {
      return this.#fail(error, none);
    }
  }

  #fail<T>(error: unknown, result: T): T {
    if (!(error instanceof ZmtpError)) throw error;
    this.#failure = error;
    this.#count = 0;
    return result;
  }

  #greet(chunk: Buffer): number {
    const taken = this.#greeting.take(chunk);
    // Before our mechanism is named: libzmq never dials again once it has seen another one than its own.
    const first = this.#greeting.isComplete ? this.#mechanism.begin(this.#greeting) : null;
    if (this.#unsaid.length > 0 && this.#greeting.hasVersion) {
      this.#output.push(this.#unsaid);
      this.#unsaid = nothing;
    }
    if (first !== null) this.#output.push(first);
    return taken;
  }

  #cut(): readonly (readonly Buffer[])[] {
    const messages: Buffer[][] = [];
    const frames = this.#frames;
    try {
      for (let body = frames.next(); body !== null; body = frames.next()) {
        if (frames.flags >= command) this.#obey(readCommand(body));
        else if (this.#ends(body, frames.flags)) {
          messages.push(this.#message());
          this.#count = 0;
          this.#own = 0;
          this.#size = 0;
          frames.expect(this.#topic);
          if (messages.length === maxBatch) break;
        } else if (this.#count === 1) this.#begin(body);
      }
      // Its body would be waited for, and kept: as much as the largest message, of somebody nobody knows.
      if (!this.#established && frames.held > 0 && frames.flags < command) throw tooEarly();
    } catch (error) {
      return this.#fail(error, messages);
    }
    return messages;
  }

  /** A list as large as it has to be: one that grows takes room for many more. */
  #message(): Buffer[] {
    const parts = this.#parts;
    const message =
      this.#count === 3 ? [parts[0] as Buffer, parts[1] as Buffer, parts[2] as Buffer] : parts.slice(0, this.#count);
    // Nobody would count what they keep in memory from here.
    for (let index = 0; index < this.#count; index += 1) parts[index] = nothing;
    return message;
  }

  /** The first frame of a message is its topic. */
  #begin(topic: Buffer): void {
    this.#frames.expect(null);
    if (topic === this.#topic || topic.length > maxTopic) return;
    this.#topic = Buffer.from(topic);
  }

  /** Takes a frame of a message; whether it is the last one. */
  #ends(body: Buffer, flags: number): boolean {
    if (!this.#established) throw tooEarly();
    this.#size += body.length;
    this.#parts[this.#count] = body;
    this.#count += 1;
    if (this.#size > this.#options.maxMessageSize) {
      const { maxMessageSize } = this.#options;
      throw new ZmtpError('too_large', `a message has more than the ${maxMessageSize} bytes that are allowed`);
    }
    if ((flags & more) === 0) return true;
    if (this.#count >= maxFrames) {
      throw new ZmtpError('too_many_frames', `a message has more than ${maxFrames} frames`);
    }
    return false;
  }

  /** Commands may stand between the frames of one message: libzmq sends its PONG as soon as it can. */
  #obey(command: Command): void {
    if (!this.#established) this.#shake(command);
    else if (command.name === 'PING') this.#output.push(pong(command.data));
    else if (command.name === 'PONG') this.#pongs += 1;
    else if (command.name === 'ERROR') throw readError(command.data);
  }

  #shake(command: Command): void {
    const { say, metadata } = this.#mechanism.take(command);
    if (metadata !== null) checkPublisher(metadata);
    if (say !== null) this.#output.push(say);
    if (metadata === null) return;
    const { hasCommands } = this.#greeting;
    for (const topic of this.#options.topics) this.#output.push(subscriptionTo(topic, hasCommands));
    this.#established = true;
  }
}
