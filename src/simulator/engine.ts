import { named, PublisherSocket } from './publisher-socket.ts';
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

/**
 * The ZeroMQ side of a fake engine: what vLLM's ZmqEventPublisher is. One difference: a full queue makes `publish` wait
 * where a PUB socket drops, so that a truth file holds at any speed.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #socket: PublisherSocket;
  readonly #replay: ReplayServer | null;
  #sequence: bigint;

  constructor(options: EngineOptions) {
    const { endpoint, bind = bindsByItself(endpoint), highWaterMark = 100_000 } = options;
    const { replay, topic, firstSequence = 0n, bufferBatches = 10_000, replayTopic = true } = options;
    this.#options = options;
    this.#sequence = firstSequence;
    this.#socket = new PublisherSocket({ endpoint, bind, highWaterMark });
    this.#replay =
      replay === undefined
        ? null
        : new ReplayServer({ endpoint: replay, bufferBatches, topic: replayTopic ? topic : null });
  }

  /** Binds or starts to connect. Throws a `BridgeError` that names the endpoint. */
  async open(): Promise<void> {
    await this.#socket.open();
    await named(`bind the replay socket ${this.#options.replay}`, async () => this.#replay?.open());
  }

  /** Where it is bound or connects to; the real port in place of 0. */
  get endpoint(): string {
    return this.#socket.endpoint;
  }

  /** The number that the next batch gets. */
  get nextSequence(): bigint {
    return this.#sequence;
  }

  /** Whether anybody has subscribed; what is published before is lost for live subscribers. */
  get subscribed(): boolean {
    return this.#socket.subscribed;
  }

  /** Sends one batch and keeps it for replays. False when aborted while the queue was full: then nothing was sent. */
  async publish(payload: Buffer, signal?: AbortSignal): Promise<boolean> {
    const sequence = this.#sequence;
    if (!(await this.#socket.send([this.#options.topic, sequenceFrame(sequence), payload], signal))) return false;
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
    await this.#replay?.close();
    await this.#socket.close();
  }
}

/** vLLM's rule (kv_events.py): wildcards, anything with `::` and local transports bind, everything else connects. */
export function bindsByItself(endpoint: string): boolean {
  return endpoint.includes('*') || endpoint.includes('::') || /^(ipc|inproc):\/\//.test(endpoint);
}
