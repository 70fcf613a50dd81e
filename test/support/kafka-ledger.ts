import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordBatch } from '../../src/core/batch.ts';
import type { Checkpoint, Held } from '../../src/core/checkpoint.ts';
import { comparePositions } from '../../src/core/checkpoint.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';

/** A lane in small: connects, writes what the sink lacks, and after an error does what its kind asks for. */
export class SmallLane {
  readonly failures: SinkError[] = [];
  readonly #sink: Sink;
  #held: ReadonlyMap<string, Checkpoint> | null = null;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get held(): ReadonlyMap<string, Checkpoint> {
    return this.#held ?? new Map();
  }

  async connect(): Promise<Held> {
    return this.#insist(async () => {
      this.#held = await this.#sink.connect();
      return this.#held;
    });
  }

  /** Resolves when all is confirmed; throws where the sink is fenced. */
  async write(batches: readonly RecordBatch[]): Promise<void> {
    if (this.#held === null) await this.connect();
    let rest = this.#lacking(batches);
    await this.#insist(async () => {
      if (this.#held === null) {
        this.#held = await this.#sink.connect();
        rest = this.#lacking(rest);
      }
      try {
        await this.#sink.write(rest);
      } catch (error) {
        if (error instanceof SinkError) rest = rest.slice(error.written);
        throw error;
      }
    });
  }

  async #insist<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof SinkError)) throw error;
        this.failures.push(error);
        if (error.kind === 'fenced') throw error;
        if (error.kind === 'reopen') this.#held = null;
        await sleep(50);
      }
    }
  }

  #lacking(batches: readonly RecordBatch[]): readonly RecordBatch[] {
    return batches.filter(({ stream, checkpoint }) => {
      const at = this.#held?.get(stream.id)?.position;
      return at === undefined || comparePositions(at, checkpoint.position) < 0;
    });
  }
}
