import { named, PublisherSocket } from './publisher-socket.ts';
import { ReplayServer } from './replay.ts';

export interface PlayerOptions {
  readonly endpoint: string;
  readonly bind: boolean;
  /** IP address of this machine to connect from; null: any. */
  readonly from: string | null;
  /** Endpoint of the replay socket; null: none. */
  readonly replay: string | null;
  /** That replay answers carry. */
  readonly topic: Buffer;
  /** Bytes of batches kept for replays. */
  readonly bufferBytes: number;
}

/** As many as vLLM's `buffer_steps`. */
const bufferBatches = 10_000;
/** Few: a subscriber that does not read must not make this process hold a whole capture. */
const highWaterMark = 1_000;
const sequenceBytes = 8;

/** A publisher that sends frames as another one sent them, and answers replays as that one would have. */
export class Player {
  readonly #options: PlayerOptions;
  readonly #socket: PublisherSocket;
  readonly #replay: ReplayServer | null;
  #last: bigint | null = null;

  constructor(options: PlayerOptions) {
    const { endpoint, bind, from, replay, topic, bufferBytes } = options;
    this.#options = options;
    this.#socket = new PublisherSocket({ endpoint, bind, highWaterMark, ...(from === null ? {} : { from }) });
    this.#replay = replay === null ? null : new ReplayServer({ endpoint: replay, bufferBatches, bufferBytes, topic });
  }

  /** Throws a `BridgeError` that names the endpoint; what is open already is to be closed even then. */
  async open(): Promise<void> {
    await this.#socket.open();
    await named(`bind the replay socket ${this.#options.replay}`, async () => this.#replay?.open());
  }

  get endpoint(): string {
    return this.#socket.endpoint;
  }

  get subscribed(): boolean {
    return this.#socket.subscribed;
  }

  /** False when aborted while the queue was full: then nothing was sent. */
  async send(parts: readonly Buffer[], signal: AbortSignal): Promise<boolean> {
    if (!(await this.#socket.send(parts, signal))) return false;
    this.#remember(parts);
    return true;
  }

  async close(): Promise<void> {
    await this.#replay?.close();
    await this.#socket.close();
  }

  #remember(parts: readonly Buffer[]): void {
    const [, number, payload] = parts;
    // An empty payload is the end of a replay: no engine has one to send again.
    if (this.#replay === null || parts.length !== 3 || number?.length !== sequenceBytes || !payload?.length) return;
    const sequence = number.readBigUInt64BE();
    if (this.#last !== null && sequence < this.#last) this.#replay.forget();
    if (sequence === this.#last) return;
    this.#last = sequence;
    // A copy: the frame is a view into much more.
    this.#replay.remember({ sequence, payload: Buffer.from(payload) });
  }
}
