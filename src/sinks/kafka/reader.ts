import { setTimeout as sleep } from 'node:timers/promises';
import { BridgeError } from '../../core/errors.ts';
import type { ReadingOptions, RecordReader, StoredRecord } from '../../core/record-reader.ts';
import { literalPieces } from '../template.ts';
import type { Client, ClientFactory } from './client.ts';
import { inTime } from './deadline.ts';
import { judge, sinkErrorOf } from './errors.ts';
import type { LogRecord } from './fetch.ts';
import { LogReader } from './log-reader.ts';
import type { KafkaConfig } from './settings.ts';
import { Topics } from './target.ts';

/** How often topics of a template are looked for that are new, ms. */
const lookEvery = 5_000;

interface Arrival {
  readonly topic: string;
  readonly records: readonly LogRecord[];
  readonly isOver: boolean;
}

/** Reads all partitions of the topic, or of all topics that a template may have made: committed records, without a group. */
export class KafkaReader implements RecordReader {
  readonly #config: KafkaConfig;
  readonly #factory: ClientFactory;
  readonly #patience: number;
  readonly #readers = new Map<string, LogReader>();
  #client: Client | null = null;

  constructor(config: KafkaConfig, factory: ClientFactory) {
    this.#config = config;
    this.#factory = factory;
    this.#patience = config.requestTimeout + config.connectionTimeout;
  }

  async *records(options: ReadingOptions): AsyncGenerator<StoredRecord> {
    const { signal, follow, from } = options;
    const abandon = () => void this.close();
    signal.addEventListener('abort', abandon, { once: true });
    try {
      if (follow) yield* this.#follow(from, signal);
      else if (from === 'start') yield* this.#readAll(options);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof BridgeError) throw error;
      throw sinkErrorOf(judge(error), 'reading from Kafka');
    } finally {
      signal.removeEventListener('abort', abandon);
    }
  }

  async close(): Promise<void> {
    for (const reader of this.#readers.values()) reader.close();
    this.#client?.sockets.cut();
  }

  async *#readAll({ signal, onProgress }: ReadingOptions): AsyncGenerator<StoredRecord> {
    const topics = await this.#topics();
    for (const [index, topic] of topics.entries()) {
      const reader = await this.#open(topic, 'start');
      for await (const { records, done, total } of reader.chunks('high')) {
        for (const record of records) {
          if (signal.aborted) return;
          yield* stored(topic, record);
        }
        // Of several topics the ends of the others are not known yet.
        onProgress?.(done, topics.length === 1 || index === topics.length - 1 ? total : null);
      }
      reader.close();
    }
  }

  async *#follow(from: ReadingOptions['from'], signal: AbortSignal): AsyncGenerator<StoredRecord> {
    const running = new Map<string, Promise<Arrival>>();
    const chunks = new Map<string, AsyncIterator<{ readonly records: readonly LogRecord[] }>>();
    const next = async (topic: string): Promise<Arrival> => {
      const step = await chunks.get(topic)?.next();
      return { topic, records: step?.done === false ? step.value.records : [], isOver: step?.done !== false };
    };
    const add = async (start: ReadingOptions['from']) => {
      for (const topic of await this.#topics()) {
        if (chunks.has(topic)) continue;
        chunks.set(topic, (await this.#open(topic, start)).chunks(null));
        running.set(topic, next(topic));
      }
    };
    await add(from);
    for (let lookedAt = performance.now(); !signal.aborted; ) {
      if (performance.now() - lookedAt >= lookEvery) {
        if (!this.#isOneTopic) await add('start');
        lookedAt = performance.now();
      }
      if (running.size === 0) {
        await sleep(500, undefined, { signal }).catch(() => {});
        continue;
      }
      const { topic, records, isOver } = await Promise.race(running.values());
      for (const record of records) yield* stored(topic, record);
      if (isOver) running.delete(topic);
      else running.set(topic, next(topic));
    }
  }

  async #open(topic: string, from: ReadingOptions['from']): Promise<LogReader> {
    const reader = await LogReader.open(this.#factory, { topic, patience: this.#patience, from });
    this.#readers.set(topic, reader);
    return reader;
  }

  get #isOneTopic(): boolean {
    return literalPieces(this.#config.topic).length === 1;
  }

  async #topics(): Promise<readonly string[]> {
    const pieces = literalPieces(this.#config.topic);
    if (this.#isOneTopic) return pieces;
    const topics = new Topics(this.#config);
    const pattern = new RegExp(`^${pieces.map((piece) => piece.replaceAll('.', '\\.')).join('.*')}$`, 's');
    this.#client ??= await this.#factory.make();
    const admin = this.#client.kafka.admin();
    try {
      await inTime(admin.connect(), this.#patience, 'connecting to Kafka');
      const all = await inTime(admin.listTopics(), this.#patience, 'asking Kafka for its topics');
      return all.filter((topic) => pattern.test(topic) && !topics.isReserved(topic)).sort();
    } finally {
      await inTime(admin.disconnect(), 1_000, 'disconnecting').catch(() => {});
    }
  }
}

function* stored(topic: string, { partition, offset, value }: LogRecord): Generator<StoredRecord> {
  if (value !== null && value.length > 0)
    yield { text: value.toString('utf8'), place: `${topic}/${partition}/${offset}` };
}
