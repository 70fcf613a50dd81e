import { setTimeout as sleep } from 'node:timers/promises';
import { XPublisher } from 'zeromq';
import { BridgeError, codeOf, messageOf } from '../core/errors.ts';

export interface PublisherSocketOptions {
  readonly endpoint: string;
  readonly bind: boolean;
  /** IP address of this machine to connect from; absent: any. */
  readonly from?: string;
  /** Messages queued for a subscriber that does not read; then `send` waits. */
  readonly highWaterMark: number;
}

/** Longest wait at the end for a subscriber to take what is queued. */
const linger = 10_000;
const receiveTimeout = 200;
const fullPause = 2;

/** A PUB socket that knows whether anybody has subscribed, and waits where its queue is full instead of dropping. */
export class PublisherSocket {
  readonly #options: PublisherSocketOptions;
  readonly #socket: XPublisher;
  #subscriptions = 0;
  #listening: Promise<void> = Promise.resolve();
  readonly #drained: Promise<void>;
  #stopped = false;

  constructor(options: PublisherSocketOptions) {
    this.#options = options;
    // XPUB is PUB that also tells who subscribes.
    this.#socket = new XPublisher({
      ipv6: true,
      linger,
      noDrop: true,
      receiveTimeout,
      sendTimeout: 0,
      sendHighWaterMark: options.highWaterMark,
      reconnectMaxInterval: 1_000,
    });
    this.#drained = ended(this.#socket);
  }

  /** Binds or starts to connect. Throws a `BridgeError` that names the endpoint. */
  async open(): Promise<void> {
    const { endpoint, bind, from } = this.#options;
    const target = from === undefined ? endpoint : endpoint.replace('tcp://', `tcp://${from}:0;`);
    await named(`${bind ? 'bind' : 'connect'} ${endpoint}`, async () =>
      bind ? this.#socket.bind(endpoint) : this.#socket.connect(target),
    );
    this.#listening = this.#countSubscriptions();
  }

  /** Where it is bound or connects to; the real port in place of 0. */
  get endpoint(): string {
    return this.#socket.lastEndpoint ?? this.#options.endpoint;
  }

  /** Whether anybody has subscribed; what is published before is lost for live subscribers. */
  get subscribed(): boolean {
    return this.#subscriptions > 0;
  }

  /** False when aborted while the queue was full: then nothing was sent. */
  async send(parts: readonly (string | Buffer)[], signal?: AbortSignal): Promise<boolean> {
    while (!(await this.#trySend(parts))) {
      if (signal?.aborted) return false;
      await sleep(fullPause);
    }
    return true;
  }

  /** Resolves when all that was queued for subscribers is sent, or after 10 s. */
  async close(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#listening;
    this.#socket.close();
    await Promise.race([this.#drained, sleep(linger + 1_000, undefined, { ref: false })]);
  }

  async #trySend(parts: readonly (string | Buffer)[]): Promise<boolean> {
    try {
      await this.#socket.send([...parts]);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return false;
      throw error;
    }
  }

  async #countSubscriptions(): Promise<void> {
    while (!this.#stopped) {
      try {
        const [message] = await this.#socket.receive();
        this.#subscriptions += message?.[0] === 1 ? 1 : -1;
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN') throw error;
      }
    }
  }
}

/** Says what could not be opened. */
export async function named(what: string, open: () => Promise<void>): Promise<void> {
  try {
    await open();
  } catch (error) {
    const code = codeOf(error) ?? 'UNKNOWN';
    throw new BridgeError(
      code,
      `cannot ${what}: ${messageOf(error)} (${code}); choose a free port and a valid address`,
      {
        cause: error,
      },
    );
  }
}

/** A closed socket lives on inside libzmq until its queues are empty; then its monitor ends. */
async function ended(socket: XPublisher): Promise<void> {
  try {
    for await (const { type } of socket.events) if (type === 'end') return;
  } catch {
    // The monitor went away with its socket: the same end.
  }
}
