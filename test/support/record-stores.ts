import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import type { KafkaService } from './services/kafka.ts';
import { startKafka } from './services/kafka.ts';
import type { RedisService } from './services/redis.ts';
import { startRedis } from './services/redis.ts';

export type StoreName = 'file' | 'redis' | 'kafka';

/** A place in a real store as a sink would have written it, with documents of the test's own choice. */
export interface RecordStore {
  /** The settings that make the commands find it. */
  readonly env: Readonly<Record<string, string>>;
  append(documents: readonly string[]): Promise<void>;
}

/** The records of a folder that a bridge has written: two engines, a gap, a restart, removed and cleared blocks. */
export function fixtureRecords(): readonly string[] {
  const file = new URL('../fixtures/reading/records-00000001.ndjson', import.meta.url);
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}

/** Real stores, started once per test file; each place in them is a fresh one. */
export class RecordStores {
  readonly #folder = mkdtempSync(join(tmpdir(), 'kv-record-stores-'));
  #redis: RedisService | undefined;
  #kafka: KafkaService | undefined;
  #places = 0;

  async open(): Promise<void> {
    [this.#redis, this.#kafka] = await Promise.all([startRedis(), startKafka()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#redis?.remove(), this.#kafka?.remove()]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Places whose names begin in the same way, which one template finds: `<prefix>-{pod}`. */
  async place(store: StoreName, prefix = 'place'): Promise<RecordStore> {
    const name = `${prefix}-${this.#places++}`;
    if (store === 'file') return fileStore(mkdtempSync(join(this.#folder, name)));
    if (store === 'redis') return redisStore(this.#redis as RedisService, name);
    const kafka = this.#kafka as KafkaService;
    await kafka.createTopic(name, 3);
    return kafkaStore(kafka, name);
  }
}

function fileStore(dir: string): RecordStore {
  const segment = join(dir, 'records-00000001.ndjson');
  appendFileSync(segment, '');
  return {
    env: { SINKS: 'file', FILE_DIR: dir },
    append: async (documents) => appendFileSync(segment, documents.map((one) => `${one}\n`).join('')),
  };
}

function redisStore({ url, admin }: RedisService, stream: string): RecordStore {
  return {
    env: { SINKS: 'redis', REDIS_URL: url, REDIS_STREAM: stream },
    async append(documents) {
      for (const one of documents) await admin.xadd(stream, '*', 'record', one);
    },
  };
}

function kafkaStore({ brokers }: KafkaService, topic: string): RecordStore {
  return {
    env: { SINKS: 'kafka', KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic },
    async append(documents) {
      const kafka = new kafkajs.Kafka({ brokers: [...brokers], logCreator: () => () => {} });
      // Idempotent: a partition of a fresh topic may refuse the first try, and kafkajs then sends to all of them again.
      const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
      const producer = kafka.producer({ createPartitioner, idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      const messages = documents.map((value) => ({ key: (JSON.parse(value) as { stream: string }).stream, value }));
      await producer.send({ topic, acks: -1, messages });
      await producer.disconnect();
    },
  };
}
