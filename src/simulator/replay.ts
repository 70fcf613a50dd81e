import { Router } from 'zeromq';
import { codeOf } from '../core/errors.ts';

/** A batch as it was published; frames of it go out again on request. */
export interface Published {
  readonly sequence: bigint;
  readonly payload: Buffer;
}

export interface ReplayOptions {
  readonly endpoint: string;
  /** Batches kept; older ones are forgotten. vLLM's default `buffer_steps` is 10 000. */
  readonly bufferBatches: number;
  /** The topic frame that answers carry since vLLM v0.26; null = the older answers without one. */
  readonly topic: string | Buffer | null;
  /** Bytes of payloads kept; beyond that older batches are forgotten as well. No limit unless told. */
  readonly bufferBytes?: number;
}

const receiveTimeout = 200;
const endOfReplay = Buffer.alloc(8, 0xff);

/** vLLM's replay socket (kv_events.py, `_service_replay`): a ROUTER that sends everything from a number on, then an end. */
export class ReplayServer {
  readonly #options: ReplayOptions;
  readonly #socket: Router;
  readonly #published: Published[] = [];
  #bytes = 0;
  #serving: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#socket = new Router({
      ipv6: true,
      linger: 0,
      receiveTimeout,
      // A ROUTER drops silently at its mark; vLLM 0.33 leaves room for a whole buffer, twice.
      sendHighWaterMark: 2 * (options.bufferBatches + 1),
    });
  }

  async open(): Promise<void> {
    await this.#socket.bind(this.#options.endpoint);
    this.#serving = this.#serve();
  }

  remember(batch: Published): void {
    const { bufferBatches, bufferBytes = Number.POSITIVE_INFINITY } = this.#options;
    this.#published.push(batch);
    this.#bytes += batch.payload.length;
    while (this.#published.length > bufferBatches || this.#bytes > bufferBytes)
      this.#bytes -= this.#published.shift()?.payload.length ?? 0;
  }

  /** As an engine that starts anew: it knows nothing of the one before. */
  forget(): void {
    this.#published.length = 0;
    this.#bytes = 0;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#serving;
    this.#socket.close();
  }

  async #serve(): Promise<void> {
    while (!this.#stopped) {
      const request = await this.#nextRequest();
      const [identity, , start] = request;
      // Anything but [identity, delimiter, start] is ignored without an answer.
      if (request.length === 3 && identity !== undefined && start !== undefined) {
        await this.#answer(identity, readNumber(start));
      }
    }
  }

  async #nextRequest(): Promise<readonly Buffer[]> {
    try {
      return await this.#socket.receive();
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return [];
      throw error;
    }
  }

  async #answer(identity: Buffer, start: bigint): Promise<void> {
    const { topic } = this.#options;
    const batches = this.#published.filter((batch) => batch.sequence >= start);
    for (const { sequence, payload } of batches) {
      const head = topic === null ? [] : [topic];
      await this.#socket.send([identity, '', ...head, sequenceFrame(sequence), payload]);
    }
    // The end carries an empty topic, whatever the real one is.
    await this.#socket.send([identity, '', ...(topic === null ? [] : ['']), endOfReplay, '']);
  }
}

/** A big-endian number of any length; no bytes are 0. */
function readNumber(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`);
}

export function sequenceFrame(sequence: bigint): Buffer {
  const frame = Buffer.alloc(8);
  frame.writeBigUInt64BE(sequence);
  return frame;
}
