import type { RecordBatch } from '../../core/batch.ts';
import type { Held } from '../../core/checkpoint.ts';
import type { Sink, WriteOutcome } from '../../core/sink.ts';
import { CheckpointView } from './checkpoint-log.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import type { Chunk } from './chunks.ts';
import { chunksOf } from './chunks.ts';
import { Courier } from './courier.ts';
import { DeadLetters } from './dead-letters.ts';
import type { Records } from './entries.ts';
import { countOf, isStartOf, without } from './entries.ts';
import { LogReader } from './log-reader.ts';
import type { KafkaParts } from './parts.ts';
import { asSinkError } from './parts.ts';
import { Progress } from './progress.ts';

/** Records that may go out together once these epochs are stored. */
interface Run {
  readonly records: Records[];
  readonly epochs: Map<string, number>;
}

/** Records first, their checkpoints a little later. */
export class AtLeastOnceSink implements Sink {
  readonly #parts: KafkaParts;
  readonly #courier: Courier;
  readonly #checkpoints: CheckpointWriter;
  readonly #deadLetters: DeadLetters;
  readonly #progress = new Progress();

  constructor(parts: KafkaParts) {
    const { config, compression, patience, factory, planner, observe } = parts;
    const { idempotent, requestTimeout } = config;
    const channel = { idempotent, compression, patience, requestTimeout };
    this.#parts = parts;
    this.#courier = new Courier(factory, channel, planner.bury);
    this.#checkpoints = new CheckpointWriter(parts, channel);
    this.#deadLetters = new DeadLetters(observe);
  }

  async connect(): Promise<Held> {
    await this.#parts.checkTopics();
    await this.#courier.connect();
    const { held } = await this.#read();
    this.#checkpoints.begin(held);
    return held;
  }

  async write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    const records = this.#progress.begin(batches);
    try {
      for (const { epochs, records: some } of this.#runs(records)) {
        await this.#checkpoints.storeEpochs(epochs);
        for await (const chunk of this.#chunks(some)) await this.#deliver(chunk);
      }
      return this.#deadLetters.outcomeOf(batches);
    } catch (error) {
      this.#parts.directory.forget();
      throw asSinkError(error, this.#progress.written);
    } finally {
      this.#checkpoints.reached(batches.slice(0, this.#progress.written));
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#courier.close(), this.#checkpoints.close()]);
  }

  async #read(): Promise<CheckpointView> {
    const { factory, config, patience, bridge } = this.#parts;
    const view = new CheckpointView(bridge);
    const reader = await LogReader.open(factory, { topic: config.checkpointTopic, patience });
    try {
      await reader.readToEnd('high', view.take);
    } finally {
      reader.close();
    }
    return view;
  }

  /** A new epoch of a stream is stored only once all of its last one is confirmed: a checkpoint covers what is before it. */
  #runs(records: readonly Records[]): readonly Run[] {
    const runs: Run[] = [];
    let seen = new Map<string, number>();
    for (const record of records) {
      const { stream, checkpoint } = record.batch;
      const { epoch } = checkpoint.position;
      let run = runs.at(-1);
      if (run === undefined || (seen.get(stream.id) ?? epoch) !== epoch) {
        run = { records: [], epochs: new Map() };
        runs.push(run);
        seen = new Map();
      }
      seen.set(stream.id, epoch);
      if (this.#checkpoints.lacksEpoch(record.batch)) run.epochs.set(stream.id, epoch);
      run.records.push(record);
    }
    return runs;
  }

  /** A chunk that failed comes first and unchanged: its producer would take other records for copies of it. */
  async *#chunks(records: readonly Records[]): AsyncGenerator<Chunk> {
    let rest = records;
    const { pending } = this.#courier;
    if (pending !== null && isStartOf(pending.entries, records)) {
      yield pending;
      rest = without(records, countOf(pending.entries));
    } else {
      this.#courier.forget();
    }
    const { planner, maxPartRecords } = this.#parts;
    const { entries, failure } = await planner.plan(rest);
    yield* chunksOf(entries, maxPartRecords, planner.limitOf);
    if (failure !== null) throw failure;
  }

  async #deliver(chunk: Chunk): Promise<void> {
    const written = await this.#courier.deliver(chunk);
    this.#progress.confirm(countOf(chunk.entries));
    this.#deadLetters.confirmed(written);
  }
}
