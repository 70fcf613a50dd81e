import type { RecordBatch } from '../../core/batch.ts';
import { recordAt } from '../../core/batch.ts';
import { SinkError } from '../../core/errors.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';
import { deadLetterDocument } from '../../wire/dead-letter.ts';
import type { Entry } from './chunks.ts';
import { fits, sizeOf } from './chunks.ts';
import type { Directory } from './directory.ts';
import { partitionOf } from './partition.ts';
import type { KafkaConfig } from './settings.ts';
import type { Topics } from './target.ts';

/** One record of a batch. */
export interface RecordRef {
  readonly batch: RecordBatch;
  readonly index: number;
}

export interface Plan {
  readonly entries: readonly Entry[];
  /** Why the records behind the entries cannot go anywhere yet. */
  readonly failure: SinkError | null;
}

/** Makes the dead letter for an entry that Kafka has refused. */
export type Bury = (entry: Entry, reason: DeadLetter['reason'], message: string) => Promise<Entry>;

type Refusal = { readonly reason: DeadLetter['reason']; readonly message: string };

/** Longest key of a dead letter: a stream's id is as long as its publisher likes. */
const maxDeadLetterKey = 1_024;

/** Decides for every record where it goes. */
export class Planner {
  readonly #topics: Topics;
  readonly #directory: Directory;
  readonly #config: KafkaConfig;

  constructor(topics: Topics, directory: Directory, config: KafkaConfig) {
    this.#topics = topics;
    this.#directory = directory;
    this.#config = config;
  }

  /** Largest record batch that one partition of this topic gets. */
  readonly limitOf = (topic: string): number => {
    const { maxRequestBytes } = this.#config;
    return Math.min(maxRequestBytes, this.#directory.known(topic)?.maxMessageBytes ?? maxRequestBytes);
  };

  /** As far as topics can be found; what is behind a missing one waits, so that streams keep their order. */
  async plan(records: readonly RecordRef[]): Promise<Plan> {
    const entries: Entry[] = [];
    const route = new Route();
    for (const record of records) {
      try {
        if (record.batch !== route.batch) await this.#aim(route, record.batch);
        const entry = entryOf(record, route);
        // Nearly always: no promise for each record.
        const isPlain = route.refusal === null && fits(sizeOf(entry), route.limit);
        entries.push(isPlain ? entry : await this.#unusual(entry, route));
      } catch (error) {
        if (error instanceof SinkError) return { entries, failure: error };
        throw error;
      }
    }
    return { entries, failure: null };
  }

  /** The dead letter that takes the place of an entry. */
  readonly bury: Bury = async (entry, reason, message) => {
    const { deadLetterTopic } = this.#config;
    const { partitions } = await this.#directory.facts(deadLetterTopic);
    const letter = { sink: 'kafka', target: entry.topic, reason, message, record: recordAt(entry.batch, entry.index) };
    const value = deadLetterDocument(letter);
    const key = entry.key.subarray(0, maxDeadLetterKey);
    const partition = partitionOf(key, partitions);
    return { ...entry, topic: deadLetterTopic, partition, key, value, deadLetter: reason, alone: false };
  };

  /** The way of a batch: all its records are of one stream. */
  async #aim(route: Route, batch: RecordBatch): Promise<void> {
    const topic = this.#topics.topicOf(batch.stream);
    const key = Buffer.from(batch.stream.id);
    const refusal = this.#topics.isReserved(topic)
      ? { reason: 'reserved_target' as const, message: `topic "${topic}" is reserved; change kafka.topic` }
      : await this.#refusedTopic(topic);
    const partitions = refusal === null ? (await this.#directory.facts(topic)).partitions : 1;
    const partition = partitionOf(key, partitions);
    Object.assign(route, { batch, topic, key, refusal, partition, limit: this.limitOf(topic) });
  }

  /** A name made from what a publisher calls itself must not stop the others. */
  async #refusedTopic(topic: string): Promise<Refusal | null> {
    if (this.#topics.constant !== null) return null;
    try {
      await this.#directory.facts(topic);
      return null;
    } catch (error) {
      if (error instanceof SinkError && error.code === 'INVALID_TOPIC_EXCEPTION') {
        return { reason: 'refused', message: error.message };
      }
      throw error;
    }
  }

  /** A record that has no way of its own, or is too large for one. */
  async #unusual(entry: Entry, { topic, refusal }: Route): Promise<Entry> {
    if (refusal !== null) return this.bury(entry, refusal.reason, refusal.message);
    const size = sizeOf(entry);
    const { maxRequestBytes, compression } = this.#config;
    if (compression !== 'none' && fits(size, maxRequestBytes)) return { ...entry, alone: true };
    const limit = this.limitOf(topic);
    const message = `the record needs ${size} bytes and ${topic} takes ${limit}; raise max.message.bytes of the topic and kafka.maxRequestBytes`;
    return this.bury(entry, 'too_large', message);
  }
}

function entryOf({ batch, index }: RecordRef, { topic, key, partition }: Route): Entry {
  return { batch, index, topic, partition, key, value: recordAt(batch, index), deadLetter: null, alone: false };
}

class Route {
  batch: RecordBatch | null = null;
  topic = '';
  key: Buffer = Buffer.alloc(0);
  partition = 0;
  refusal: Refusal | null = null;
  /** Largest record batch that the topic takes. */
  limit = 0;
}
