import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { linesOf, parseRecords } from '../e2e/records.ts';
import { readTopic } from '../support/kafka-reader.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';
import type { RedisService } from '../support/services/redis.ts';
import { startRedis } from '../support/services/redis.ts';
import { recordsIn } from '../support/services/redis-sink.ts';
import type { Service } from '../support/services/service.ts';
import type { LedgerRecord } from './account.ts';

export type StoreKind = 'redis' | 'kafka';
export type Delivery = 'at-least-once' | 'exactly-once';

/** Where the records of one campaign go: a place of its own in a real store. */
export interface Target {
  readonly kind: StoreKind | 'file';
  readonly env: Readonly<Record<string, string>>;
  /** All that a consumer finds there, from the beginning. */
  records(): Promise<LedgerRecord[]>;
}

/** A target whose store can die. */
export interface StoreTarget extends Target {
  readonly service: Service;
}

/** Both stores, started once per test file, when they are asked for. */
export class Stores {
  #redis: Promise<RedisService> | undefined;
  #kafka: Promise<KafkaService> | undefined;
  #targets = 0;

  /** Starts what is needed. */
  async open(...kinds: readonly StoreKind[]): Promise<void> {
    await Promise.all(kinds.map((kind) => (kind === 'redis' ? this.#openRedis() : this.#openKafka())));
  }

  async close(): Promise<void> {
    await Promise.all([(await this.#redis)?.remove(), (await this.#kafka)?.remove()]);
  }

  async target(kind: StoreKind, delivery: Delivery): Promise<StoreTarget> {
    const name = `ledger-${this.#targets++}`;
    return kind === 'redis'
      ? redisTarget(await this.#openRedis(), name, delivery)
      : kafkaTarget(await this.#openKafka(), name, delivery);
  }

  #openRedis(): Promise<RedisService> {
    // Every write on disk before its answer: a kill -9 of Redis then loses nothing that was confirmed.
    this.#redis ??= startRedis({ persist: 'always' });
    return this.#redis;
  }

  #openKafka(): Promise<KafkaService> {
    this.#kafka ??= startKafka();
    return this.#kafka;
  }
}

/** The file sink's folder: each record once, without being asked. */
export function fileTarget(dir: string): Target {
  const segments = () => readdirSync(dir).filter((name) => /^records-\d+\.ndjson$/.test(name));
  return {
    kind: 'file',
    // Small segments: a kill hits a rotation now and then, too.
    env: { SINKS: 'file', FILE_DIR: dir, FILE_SEGMENT_BYTES: '128KiB' },
    records: async () =>
      parseRecords(
        segments()
          .sort()
          .flatMap((name) => linesOf(readFileSync(join(dir, name), 'utf8'))),
      ),
  };
}

function redisTarget(redis: RedisService, name: string, delivery: Delivery): StoreTarget {
  return {
    kind: 'redis',
    service: redis,
    env: { SINKS: 'redis', REDIS_URL: redis.url, REDIS_STREAM: name, REDIS_DELIVERY: delivery },
    records: async () => parseRecords(await recordsIn(redis.admin, name)),
  };
}

function kafkaTarget(kafka: KafkaService, name: string, delivery: Delivery): StoreTarget {
  return {
    kind: 'kafka',
    service: kafka,
    env: {
      SINKS: 'kafka',
      KAFKA_BROKERS: kafka.brokers.join(','),
      KAFKA_TOPIC: name,
      KAFKA_CHECKPOINT_TOPIC: `${name}.checkpoints`,
      KAFKA_DEAD_LETTER_TOPIC: `${name}.dead-letter`,
      KAFKA_CREATE_TOPICS: 'true',
      KAFKA_DELIVERY: delivery,
    },
    // Committed records only; per partition in order, so per stream in order.
    records: async () => parseRecords((await readTopic(kafka.brokers, name)).map(({ value }) => value)),
  };
}
