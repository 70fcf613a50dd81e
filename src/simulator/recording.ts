import type { Engine, EngineOptions } from './engine.ts';
import { sequenceFrame } from './replay.ts';

/** What a run does with an engine. */
export type Publishing = Pick<Engine, 'open' | 'publish' | 'skip' | 'close' | 'nextSequence' | 'subscribed'>;

/** Takes the parts of a frame that was published. */
export type Recorder = (parts: readonly Buffer[]) => Promise<unknown>;

/** An engine whose frames are recorded, as a subscriber gets them; without `engine` they go nowhere else. */
export class RecordedEngine implements Publishing {
  readonly #topic: Buffer;
  readonly #engine: Engine | null;
  readonly #record: Recorder;
  #sequence: bigint;

  constructor({ topic, firstSequence = 0n }: EngineOptions, engine: Engine | null, record: Recorder) {
    this.#topic = Buffer.from(topic);
    this.#engine = engine;
    this.#record = record;
    this.#sequence = firstSequence;
  }

  async open(): Promise<void> {
    await this.#engine?.open();
  }

  get nextSequence(): bigint {
    return this.#sequence;
  }

  get subscribed(): boolean {
    return this.#engine?.subscribed ?? true;
  }

  async publish(payload: Buffer, signal?: AbortSignal): Promise<boolean> {
    const isPublished = (await this.#engine?.publish(payload, signal)) ?? true;
    if (!isPublished) return false;
    await this.#record([this.#topic, sequenceFrame(this.#sequence), payload]);
    this.#sequence += 1n;
    return true;
  }

  skip(): void {
    this.#engine?.skip();
    this.#sequence += 1n;
  }

  async close(): Promise<void> {
    await this.#engine?.close();
  }
}
