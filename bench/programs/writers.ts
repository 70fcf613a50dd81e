import { once } from 'node:events';
import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';
import { quietKafkajs } from '../../src/sinks/kafka/quiet.ts';
import type { Address } from '../targets/target.ts';

/** Records, each with its newline. Resolves when they are delivered. */
type Writer = (records: readonly Buffer[]) => Promise<unknown>;

/** The cheapest way of each library, without any check of what comes back. */
export async function openWriter(address: Address): Promise<Writer> {
  switch (address.sink) {
    case 'stdout':
      return async (records) => {
        if (!process.stdout.write(Buffer.concat(records))) await once(process.stdout, 'drain');
      };
    case 'redis':
      return redisWriter(address.port, address.key);
    case 'kafka':
      return kafkaWriter(address.brokers, address.topic);
  }
}

async function redisWriter(port: number, key: string): Promise<Writer> {
  const client = new Redis({ port });
  await client.ping();
  return (records) => {
    const pipeline = client.pipeline();
    for (const record of records) pipeline.xadd(key, '*', 'record', record.subarray(0, -1));
    return pipeline.exec();
  };
}

async function kafkaWriter(brokers: readonly string[], topic: string): Promise<Writer> {
  quietKafkajs();
  const producer = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.ERROR }).producer();
  await producer.connect();
  // Names its partition: choosing one by key would be the bridge's work.
  let partition = 0;
  return (records) => {
    partition = (partition + 1) % 4;
    const messages = records.map((record) => ({ partition, value: record.subarray(0, -1) }));
    return producer.send({ topic, acks: -1, messages });
  };
}
