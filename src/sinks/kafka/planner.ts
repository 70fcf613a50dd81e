import type { RecordBatch } from '../../core/batch.ts';
import { recordAt } from '../../core/batch.ts';
import { SinkError } from '../../core/errors.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';
import { deadLetterDocument } from '../../wire/dead-letter.ts';
import type { Directory } from './directory.ts';
import type { Entry, Records } from './entries.ts';
import { fits, single, sizeOf, slice } from './entries.ts';
import { partitionOf } from './partition.ts';
import type { KafkaParts } from './parts.ts';
import type { KafkaConfig } from './settings.ts';
import type { Topics } from './target.ts';

export interface Plan {
  readonly entries: readonly Entry[];
  /** Why the records behind the entries cannot go anywhere yet. */
  readonly failure: SinkError | null;
  /** The batch of the first of those. */
  readonly stop: RecordBatch | undefined;
}

/** Makes the dead letter for the only record of an entry that Kafka has refused. */
export type Bury = (entry: Entry, reason: DeadLetter['reason'], message: string) => Promise<Entry>;

type Refusal = { readonly reason: DeadLetter['reason']; readonly message: string };

/** Longest key of a dead letter: a stream's id is as long as its publisher likes. */
const maxDeadLetterKey = 1_024;

/** Decides for all records where they go. */
export class Planner {
  readonly #topics: Topics;
  readonly #directory: Directory;
  readonly #config: KafkaConfig;
  /** Of one entry. */
  readonly #maxRecords: number;

  constructor(
    topics: Topics,
    directory: Directory,
    { config, maxPartRecords }: Pick<KafkaParts, 'config' | 'maxPartRecords'>,
  ) {
    this.#topics = topics;
    this.#directory = directory;
    this.#config = config;
    this.#maxRecords = maxPartRecords;
  }

  /** Largest record batch that one partition of this topic gets. */
  readonly limitOf = (topic: string): number => {
    const { maxRequestBytes } = this.#config;
    return Math.min(maxRequestBytes, this.#directory.known(topic)?.maxMessageBytes ?? maxRequestBytes);
  };

  /** As far as topics can be found; what is behind a missing one waits, so that streams keep their order. */
  async plan(records: readonly Records[]): Promise<Plan> {
    const entries: Entry[] = [];
    const route = new Route();
    for (const some of records) {
      try {
        if (some.batch !== route.batch) await this.#aim(route, some.batch);
        const entry = entryOf(some, route);
        // Nearly always: no promise, and no look at each record.
        if (route.refusal === null && this.#isPlain(entry, route)) entries.push(entry);
        else await this.#divide(entry, route, entries);
      } catch (error) {
        if (error instanceof SinkError) return { entries, failure: error, stop: some.batch };
        throw error;
      }
    }
    return { entries, failure: null, stop: undefined };
  }

  #isPlain(entry: Entry, { limit }: Route): boolean {
    return entry.count <= this.#maxRecords && fits(sizeOf(entry), limit);
  }

  /** Into pieces that fit, and what becomes of those records that never do. */
  async #divide(entry: Entry, route: Route, entries: Entry[]): Promise<void> {
    let from = 0;
    for (let index = 0; index < entry.count; index += 1) {
      const one = slice(entry, index, index + 1);
      if (route.refusal !== null || !fits(sizeOf(one), route.limit)) {
        if (index > from) entries.push(slice(entry, from, index));
        entries.push(await this.#unusual(one, route));
        from = index + 1;
      } else if (index > from && !this.#isPlain(slice(entry, from, index + 1), route)) {
        entries.push(slice(entry, from, index));
        from = index;
      }
    }
    if (entry.count > from) entries.push(slice(entry, from, entry.count));
  }

  /** The dead letter that takes the place of an entry. */
  readonly bury: Bury = async (entry, reason, message) => {
    const { deadLetterTopic } = this.#config;
    const { partitions } = await this.#directory.facts(deadLetterTopic);
    const letter = { sink: 'kafka', target: entry.topic, reason, message, record: recordAt(entry.batch, entry.from) };
    const key = entry.key.subarray(0, maxDeadLetterKey);
    const { values, first } = single(key, deadLetterDocument(letter), entry.batch);
    const partition = partitionOf(key, partitions);
    return { ...entry, topic: deadLetterTopic, partition, key, values, first, deadLetter: reason, alone: false };
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

function entryOf({ batch, from, count }: Records, { topic, key, partition }: Route): Entry {
  return { batch, from, count, topic, partition, key, values: batch, first: from, deadLetter: null, alone: false };
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
