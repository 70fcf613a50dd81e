import { setTimeout as sleep } from 'node:timers/promises';
import { XPublisher } from 'zeromq';
import { BridgeError, codeOf, messageOf } from '../core/errors.ts';
import { ReplayServer, sequenceFrame } from './replay.ts';

export interface EngineOptions {
  readonly endpoint: string;
  /** Absent: as vLLM decides, see `bindsByItself`. */
  readonly bind?: boolean;
  /** Endpoint of the replay socket; absent = none. */
  readonly replay?: string;
  readonly topic: string;
  /** First sequence number: 0 (vLLM, SGLang) or 1 (llm-d-inference-sim). Default 0. */
  readonly firstSequence?: bigint;
  /** Batches kept for replays. Default 10 000. */
  readonly bufferBatches?: number;
  /** Whether replay answers carry the topic (vLLM from v0.26). Default true. */
  readonly replayTopic?: boolean;
  /** Batches queued for a subscriber that does not read; then `publish` waits. Default 100 000. */
  readonly highWaterMark?: number;
}

/** Longest wait at the end for a subscriber to take what is queued. */
const linger = 10_000;
const receiveTimeout = 200;
const fullPause = 2;

/**
 * The ZeroMQ side of a fake engine: what vLLM's ZmqEventPublisher is. One difference: a full queue makes `publish` wait
 * where a PUB socket drops, so that a truth file holds at any speed.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #socket: XPublisher;
  readonly #replay: ReplayServer | null;
  #sequence: bigint;
  #subscriptions = 0;
  #listening: Promise<void> = Promise.resolve();
  readonly #drained: Promise<void>;
  #stopped = false;

  constructor(options: EngineOptions) {
    const { replay, topic, firstSequence = 0n, bufferBatches = 10_000, replayTopic = true } = options;
    this.#options = options;
    this.#sequence = firstSequence;
    // XPUB is PUB that also tells who subscribes.
    this.#socket = new XPublisher({
      ipv6: true,
      linger,
      noDrop: true,
      receiveTimeout,
      sendTimeout: 0,
      sendHighWaterMark: options.highWaterMark ?? 100_000,
      reconnectMaxInterval: 1_000,
    });
    this.#drained = ended(this.#socket);
    this.#replay =
      replay === undefined
        ? null
        : new ReplayServer({ endpoint: replay, bufferBatches, topic: replayTopic ? topic : null });
  }

  /** Binds or starts to connect. Throws a `BridgeError` that names the endpoint. */
  async open(): Promise<void> {
    const { endpoint, bind = bindsByItself(endpoint), replay } = this.#options;
    await named(`${bind ? 'bind' : 'connect'} ${endpoint}`, async () =>
      bind ? this.#socket.bind(endpoint) : this.#socket.connect(endpoint),
    );
    await named(`bind the replay socket ${replay}`, async () => this.#replay?.open());
    this.#listening = this.#countSubscriptions();
  }

  /** Where it is bound or connects to; the real port in place of 0. */
  get endpoint(): string {
    return this.#socket.lastEndpoint ?? this.#options.endpoint;
  }

  /** The number that the next batch gets. */
  get nextSequence(): bigint {
    return this.#sequence;
  }

  /** Whether anybody has subscribed; what is published before is lost for live subscribers. */
  get subscribed(): boolean {
    return this.#subscriptions > 0;
  }

  /** Sends one batch and keeps it for replays. False when aborted while the queue was full: then nothing was sent. */
  async publish(payload: Buffer, signal?: AbortSignal): Promise<boolean> {
    const sequence = this.#sequence;
    const frames = [this.#options.topic, sequenceFrame(sequence), payload];
    while (!(await this.#send(frames))) {
      if (signal?.aborted) return false;
      await sleep(fullPause);
    }
    this.#sequence += 1n;
    this.#replay?.remember({ sequence, payload });
    return true;
  }

  /** Uses up a number without sending anything, as an engine does whose encoder failed. */
  skip(): void {
    this.#sequence += 1n;
  }

  /** Stops answering replays, and resolves when all that was queued for subscribers is sent, or after 10 s. */
  async close(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#replay?.close();
    await this.#listening;
    this.#socket.close();
    await Promise.race([this.#drained, sleep(linger + 1_000, undefined, { ref: false })]);
  }

  async #send(frames: (string | Buffer)[]): Promise<boolean> {
    try {
      await this.#socket.send(frames);
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

/** vLLM's rule (kv_events.py): wildcards, anything with `::` and local transports bind, everything else connects. */
export function bindsByItself(endpoint: string): boolean {
  return endpoint.includes('*') || endpoint.includes('::') || /^(ipc|inproc):\/\//.test(endpoint);
}

async function named(what: string, open: () => Promise<void>): Promise<void> {
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
