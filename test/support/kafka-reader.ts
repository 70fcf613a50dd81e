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

/**
 * Reads a topic from the beginning to where it ends now, committed records only; records of one partition stay in order.
 * Waits where a transaction is open.
 */
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
    const high = await highWatermarks(kafka, topic);
    for (const { partition, low } of await admin.fetchTopicOffsets(topic)) {
      const end = high.get(partition) ?? 0n;
      if (end > BigInt(low)) ends.set(partition, end);
    }
    if (ends.size > 0) await consume(consumer, topic, ends, (record) => records.push(record));
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => {});
    await admin.disconnect();
  }
  return records;
}

interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number }[];
  fetchTopicsOffset(topics: object[]): Promise<{ partitions: { partition: number; offset: string }[] }[]>;
}

/**
 * Where the log ends, transactions that are still being decided included. The admin client answers less: a commit is
 * confirmed a moment before it can be read.
 */
async function highWatermarks(kafka: kafkajs.Kafka, topic: string): Promise<Map<number, bigint>> {
  const inside = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.endsWith('createCluster'));
  const make = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[inside as symbol];
  const cluster = make?.({ allowAutoTopicCreation: false, isolationLevel: 0 });
  if (cluster === undefined) throw new Error('kafkajs has changed');
  try {
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId }));
    const offsets = await cluster.fetchTopicsOffset([{ topic, partitions, fromBeginning: false }]);
    return new Map(
      offsets.flatMap((one) => one.partitions.map(({ partition, offset }) => [partition, BigInt(offset)])),
    );
  } finally {
    await cluster.disconnect();
  }
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
    // Not what arrives: the log may end with records of an aborted transaction, or with the mark of a committed one.
    consumer.on('consumer.end_batch_process', ({ payload: { partition, lastOffset } }) => {
      if (BigInt(lastOffset) + 1n >= (ends.get(partition) ?? 0n)) ends.delete(partition);
      if (ends.size === 0) resolve();
    });
    const eachBatch = async ({ batch }: { batch: { partition: number; messages: readonly KafkaMessage[] } }) => {
      for (const { key, value, offset, timestamp } of batch.messages) {
        take({
          key: key?.toString('utf8') ?? '',
          value: value?.toString('utf8') ?? '',
          partition: batch.partition,
          offset: BigInt(offset),
          timestamp: Number(timestamp),
        });
      }
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
