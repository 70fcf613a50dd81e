import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { waitUntil } from './wait.ts';

export interface ReadRecord {
  readonly key: string;
  readonly value: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
}

/** Reads a topic from the beginning to where it ends now; records of one partition stay in order. */
export function readTopic(brokers: readonly string[], topic: string): Promise<ReadRecord[]> {
  // A broker that has just (re)started knows neither leaders nor groups for a moment.
  return waitUntil(() => readOnce(brokers, topic), 30_000);
}

async function readOnce(brokers: readonly string[], topic: string): Promise<ReadRecord[]> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logCreator: () => () => {} });
  const admin = kafka.admin();
  const ends = new Map<number, bigint>();
  const groupId = `reader-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, maxBytesPerPartition: 16_777_216 });
  const records: ReadRecord[] = [];
  try {
    await admin.connect();
    for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
      if (BigInt(high) > BigInt(low)) ends.set(partition, BigInt(high));
    }
    if (ends.size > 0) await consume(consumer, topic, ends, (record) => records.push(record));
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => {});
    await admin.disconnect();
  }
  return records;
}

type Consumer = ReturnType<InstanceType<typeof kafkajs.Kafka>['consumer']>;

async function consume(
  consumer: Consumer,
  topic: string,
  ends: Map<number, bigint>,
  take: (record: ReadRecord) => void,
): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
    const eachBatch = async ({ batch }: { batch: { partition: number; messages: readonly KafkaMessage[] } }) => {
      for (const { key, value, offset, timestamp } of batch.messages) {
        take({
          key: key?.toString('utf8') ?? '',
          value: value?.toString('utf8') ?? '',
          partition: batch.partition,
          offset: BigInt(offset),
          timestamp: Number(timestamp),
        });
        if (BigInt(offset) + 1n >= (ends.get(batch.partition) ?? 0n)) ends.delete(batch.partition);
      }
      if (ends.size === 0) resolve();
    };
    consumer.run({ autoCommit: false, eachBatch }).catch(reject);
  });
}

interface KafkaMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly offset: string;
  readonly timestamp: string;
}
