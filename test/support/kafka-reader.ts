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
    for (const { partition, low } of await readableUpTo(admin, topic, high)) {
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

/**
 * Waits until no transaction is open below these ends: a fetch that an open one blocks comes back empty, and kafkajs
 * takes that for the end of the log.
 */
function readableUpTo(admin: Admin, topic: string, ends: ReadonlyMap<number, bigint>) {
  return waitUntil(async () => {
    const offsets = await admin.fetchTopicOffsets(topic);
    const open = offsets.filter(({ partition, high }) => BigInt(high) < (ends.get(partition) ?? 0n));
    if (open.length > 0) throw new Error(`a transaction stays open in ${topic}: ${JSON.stringify(open)}`);
    return offsets;
  }, 60_000);
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

type Admin = ReturnType<InstanceType<typeof kafkajs.Kafka>['admin']>;
type Consumer = ReturnType<InstanceType<typeof kafkajs.Kafka>['consumer']>;

async function consume(
  consumer: Consumer,
  topic: string,
  ends: Map<number, bigint>,
  take: (record: ReadRecord) => void,
): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  // Nothing is committed: a consumer that had to join its group again begins anew.
  const next = new Map<number, bigint>();
  await new Promise<void>((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
    // Not what arrives: the log may end with records of an aborted transaction, or with the mark of a committed one.
    consumer.on('consumer.end_batch_process', ({ payload: { partition, lastOffset } }) => {
      if (BigInt(lastOffset) + 1n >= (ends.get(partition) ?? 0n)) ends.delete(partition);
      if (ends.size === 0) resolve();
    });
    const eachBatch = async ({ batch }: { batch: { partition: number; messages: readonly KafkaMessage[] } }) => {
      for (const { key, value, offset, timestamp } of batch.messages) {
        if (BigInt(offset) < (next.get(batch.partition) ?? 0n)) continue;
        next.set(batch.partition, BigInt(offset) + 1n);
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
