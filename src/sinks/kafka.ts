import type { RecordBatch } from '../core/batch.ts';
import { SinkError } from '../core/errors.ts';
import type { Observe } from '../core/observer.ts';
import type { Sink, SinkModule, WriteOutcome } from '../core/sink.ts';
import type { ChannelOptions } from './kafka/channel.ts';
import type { Chunk } from './kafka/chunks.ts';
import { chunksOf } from './kafka/chunks.ts';
import { ClientFactory } from './kafka/client.ts';
import { hasZstd, installCodec } from './kafka/compression.ts';
import { Courier } from './kafka/courier.ts';
import { Directory } from './kafka/directory.ts';
import { judge, sinkErrorOf } from './kafka/errors.ts';
import type { RecordRef } from './kafka/planner.ts';
import { Planner } from './kafka/planner.ts';
import { isStartOf, Progress } from './kafka/progress.ts';
import { quietKafkajs } from './kafka/quiet.ts';
import type { KafkaConfig } from './kafka/settings.ts';
import { checkKafka, kafkaSettings } from './kafka/settings.ts';
import { Topics } from './kafka/target.ts';

/** kafkajs groups the records of a partition in quadratic time: up to here that costs less than encoding them. */
const maxPartRecords = 500;

export const kafkaSink: SinkModule<typeof kafkaSettings> = {
  name: 'kafka',
  settings: kafkaSettings,
  check(config) {
    checkKafka(config, hasZstd);
    new Topics(config.topic, config.deadLetterTopic);
  },
  async create(config, context) {
    checkKafka(config, hasZstd);
    // kafkajs is CommonJS: its codecs and error classes exist on the default export only.
    const { default: kafkajs } = await import('kafkajs');
    quietKafkajs();
    const { idempotent, requestTimeout, connectionTimeout } = config;
    const patience = requestTimeout + connectionTimeout;
    const compression = await installCodec(kafkajs, config.compression);
    const factory = new ClientFactory(config, config.clientId ?? context.bridge, kafkajs.Kafka);
    const channel = { idempotent, compression, patience, requestTimeout };
    return new KafkaSink(config, factory, channel, context.observe);
  },
};

class KafkaSink implements Sink {
  readonly #observe: Observe;
  /** The topics that have to exist from the start. */
  readonly #expected: readonly string[];
  readonly #directory: Directory;
  readonly #planner: Planner;
  readonly #courier: Courier;
  readonly #progress = new Progress();

  constructor(config: KafkaConfig, factory: ClientFactory, channel: ChannelOptions, observe: Observe) {
    const topics = new Topics(config.topic, config.deadLetterTopic);
    this.#observe = observe;
    this.#expected = [topics.constant, config.deadLetterTopic].filter((topic) => topic !== null);
    this.#directory = new Directory(factory, config);
    this.#planner = new Planner(topics, this.#directory, config);
    this.#courier = new Courier(factory, channel, this.#planner.bury);
  }

  async connect(): Promise<null> {
    const missing: SinkError[] = [];
    for (const topic of this.#expected) {
      try {
        await this.#directory.facts(topic);
      } catch (error) {
        const known = asSinkError(error);
        if (known.kind !== 'destination') throw known;
        missing.push(known);
      }
    }
    const [first] = missing;
    if (first !== undefined) throw together(first, missing);
    await this.#courier.connect();
    return null;
  }

  async write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    const records = this.#progress.begin(batches);
    let deadLettered = 0;
    try {
      for await (const chunk of this.#chunks(records)) deadLettered += await this.#deliver(chunk);
      return { deadLettered, batchesDeadLettered: 0 };
    } catch (error) {
      this.#directory.forget();
      throw asSinkError(error, this.#progress.written);
    }
  }

  async close(): Promise<void> {
    await this.#courier.close();
  }

  /** A chunk that failed comes first and unchanged: its producer would take other records for copies of it. */
  async *#chunks(records: readonly RecordRef[]): AsyncGenerator<Chunk> {
    let rest = records;
    const { pending } = this.#courier;
    if (pending !== null && isStartOf(pending.entries, records)) {
      yield pending;
      rest = records.slice(pending.entries.length);
    } else {
      this.#courier.forget();
    }
    const { entries, failure } = await this.#planner.plan(rest);
    yield* chunksOf(entries, maxPartRecords, this.#planner.limitOf);
    if (failure !== null) throw failure;
  }

  async #deliver(chunk: Chunk): Promise<number> {
    const tally = await this.#courier.deliver(chunk);
    this.#progress.confirm(chunk.entries.length);
    let deadLettered = 0;
    for (const [reason, records] of tally) {
      this.#observe({ fact: 'dead-lettered', sink: 'kafka', reason, records });
      deadLettered += records;
    }
    return deadLettered;
  }
}

function asSinkError(error: unknown, written = 0): SinkError {
  const known = error instanceof SinkError ? error : sinkErrorOf(judge(error), 'writing to Kafka');
  const { kind, code, message, cause } = known;
  return new SinkError({ kind, code, message, cause, written });
}

function together({ code, cause }: SinkError, all: readonly SinkError[]): SinkError {
  return new SinkError({ kind: 'destination', code, message: all.map(({ message }) => message).join('; '), cause });
}
