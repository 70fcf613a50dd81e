import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { readTopic } from '../../test/support/kafka-reader.ts';
import { startKafka } from '../../test/support/services/kafka.ts';
import { kafkaVersion } from '../../test/support/services/kafka-native.ts';
import type { Arrival, Destination, Target } from './target.ts';

type Admin = ReturnType<InstanceType<typeof kafkajs.Kafka>['admin']>;

const partitions = 4;

/** A real Kafka of one node, started as the tests start theirs. */
export async function kafkaTarget(): Promise<Target> {
  const server = await startKafka();
  const client = new kafkajs.Kafka({ brokers: [...server.brokers], logCreator: () => () => {} });
  const admin = client.admin();
  await admin.connect();
  return {
    version: `Apache Kafka ${kafkaVersion}`,
    async prepare() {
      const topic = `kv-events-${randomUUID()}`;
      await server.createTopic(topic, partitions);
      return new KafkaTopic(client, admin, { sink: 'kafka', brokers: server.brokers, topic });
    },
    async close() {
      await admin.disconnect();
      await server.remove();
    },
  };
}

class KafkaTopic implements Destination {
  readonly address: { readonly sink: 'kafka'; readonly brokers: readonly string[]; readonly topic: string };
  readonly #client: kafkajs.Kafka;
  readonly #admin: Admin;

  constructor(client: kafkajs.Kafka, admin: Admin, address: KafkaTopic['address']) {
    this.#client = client;
    this.#admin = admin;
    this.address = address;
  }

  /** Includes the marks of transactions: higher than the number of records, but it moves as long as records come. */
  async count(): Promise<number> {
    const offsets = await this.#admin.fetchTopicOffsets(this.address.topic);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  }

  async read(take: (record: string) => void): Promise<void> {
    for (const { value } of await readTopic(this.address.brokers, this.address.topic)) take(value);
  }

  async watch(take: (arrival: Arrival) => void): Promise<() => Promise<void>> {
    const consumer = this.#client.consumer({ groupId: `bench-${randomUUID()}`, minBytes: 1, maxWaitTimeInMs: 100 });
    const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
    await consumer.connect();
    await consumer.subscribe({ topic: this.address.topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { messages } }) => {
        const at = performance.timeOrigin + performance.now();
        for (const { value } of messages) take({ record: value?.toString('utf8') ?? '', at });
      },
    });
    await joined;
    return () => consumer.disconnect();
  }

  /** Some hundred megabytes of each run: the disk must not fill up over all of them. */
  async remove(): Promise<void> {
    await this.#admin.deleteTopics({ topics: [this.address.topic] });
  }
}
