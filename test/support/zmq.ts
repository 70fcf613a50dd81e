import type { MessageLike, SocketOptions } from 'zeromq';
import { XPublisher } from 'zeromq';
import { codeOf } from '../../src/core/errors.ts';
import type { Frame } from '../../src/core/frame.ts';
import type { Fact, Observe } from '../../src/core/observer.ts';
import type { Source } from '../../src/core/source.ts';
import { waitFor } from './services/service.ts';

/** A real publisher that sends whatever frames it is given, e.g. captured ones. */
export class RawPublisher {
  readonly #socket: XPublisher;
  #subscriptions = 0;

  private constructor(options: SocketOptions<XPublisher>) {
    this.#socket = new XPublisher({ ipv6: true, linger: 0, sendHighWaterMark: 100_000, ...options });
    void this.#countSubscriptions();
  }

  static async bind(endpoint: string, options: SocketOptions<XPublisher> = {}): Promise<RawPublisher> {
    const publisher = new RawPublisher(options);
    await waitFor(() => publisher.#tryToBind(endpoint), { what: `${endpoint} is free`, every: 20 });
    return publisher;
  }

  /** A socket that was just closed keeps its port for a moment. */
  async #tryToBind(endpoint: string): Promise<boolean> {
    try {
      await this.#socket.bind(endpoint);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EADDRINUSE') return false;
      throw error;
    }
  }

  static connect(endpoint: string, options: SocketOptions<XPublisher> = {}): RawPublisher {
    const publisher = new RawPublisher(options);
    publisher.#socket.connect(endpoint);
    return publisher;
  }

  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** Resolves once somebody has subscribed: nothing that is sent from then on is lost. */
  subscribed(): Promise<void> {
    return waitFor(() => this.#subscriptions > 0, { what: 'somebody subscribed', every: 5 });
  }

  async send(...parts: MessageLike[]): Promise<void> {
    await this.#socket.send(parts);
  }

  close(): void {
    this.#socket.close();
  }

  async #countSubscriptions(): Promise<void> {
    try {
      for await (const [message] of this.#socket) this.#subscriptions += message?.[0] === 1 ? 1 : -1;
    } catch (error) {
      if (!this.#socket.closed) throw error;
    }
  }
}

/** Reads a source in the background and keeps copies of its frames. */
export class SourceReader {
  readonly frames: Frame[] = [];
  readonly ended: Promise<void>;
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
    this.ended = this.#read();
  }

  /** The first `count` messages as text, frame by frame. */
  async texts(count: number): Promise<string[][]> {
    await waitFor(() => this.frames.length >= count, {
      what: `${count} frames came (${this.frames.length})`,
      every: 5,
    });
    return this.frames.slice(0, count).map((frame) => frame.parts.map(String));
  }

  /** Ends reading and releases the socket. */
  async close(): Promise<void> {
    this.#source.stop();
    await this.ended;
    await this.#source.close();
  }

  async #read(): Promise<void> {
    for await (const frames of this.#source.frames()) {
      for (const frame of frames) {
        this.frames.push({ ...frame, parts: frame.parts.map((part) => Buffer.from(part)) });
      }
    }
  }
}

/** An observer that keeps what it is told. */
export class FactLog {
  readonly facts: Fact[] = [];
  readonly observe: Observe = (fact) => {
    this.facts.push(fact);
  };

  of<F extends Fact['fact']>(name: F): Extract<Fact, { fact: F }>[] {
    return this.facts.filter((fact): fact is Extract<Fact, { fact: F }> => fact.fact === name);
  }
}
