import { once } from 'node:events';
import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';
import type { Address } from '../targets/target.ts';

export interface Line {
  readonly key: string;
  readonly text: string;
}

/** Takes the records of one batch; resolves when the next may come. */
export type NaiveSink = (lines: readonly Line[]) => Promise<void>;

/** Records that may wait while a request is under way. */
const maxWaiting = 10_000;

export async function openSink(address: Address): Promise<NaiveSink> {
  switch (address.sink) {
    case 'stdout':
      return toStdout;
    case 'redis':
      return gathered(await redisSender(address.port, address.key));
    case 'kafka':
      return gathered(await kafkaSender(address.brokers, address.topic));
  }
}

async function toStdout(lines: readonly Line[]): Promise<void> {
  for (const { text } of lines) {
    if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain');
  }
}

/** One request at a time with whatever has gathered meanwhile: one request per batch would make this a straw man. */
function gathered(send: (lines: readonly Line[]) => Promise<unknown>): NaiveSink {
  let waiting: Line[] = [];
  let sending: Promise<void> | null = null;
  const drain = async () => {
    while (waiting.length > 0) await send(waiting.splice(0, helping(waiting)));
    sending = null;
  };
  return async (lines) => {
    waiting = waiting.concat(lines);
    sending ??= drain();
    while (waiting.length > maxWaiting) await sending;
  };
}

/** As many as a Kafka broker takes in one request by default (1 MB), a thousand at most. */
function helping(lines: readonly Line[]): number {
  let bytes = 0;
  const end = lines.findIndex(({ text }, index) => {
    bytes += text.length + 200;
    return bytes > 900_000 || index === 1_000;
  });
  return end < 0 ? lines.length : Math.max(1, end);
}

async function redisSender(port: number, key: string): Promise<(lines: readonly Line[]) => Promise<unknown>> {
  const client = new Redis({ port });
  await client.ping();
  return (lines) => {
    const pipeline = client.pipeline();
    for (const { text } of lines) pipeline.xadd(key, '*', 'record', text);
    return pipeline.exec();
  };
}

async function kafkaSender(
  brokers: readonly string[],
  topic: string,
): Promise<(lines: readonly Line[]) => Promise<unknown>> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.ERROR });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  return (lines) => {
    const messages = lines.map(({ key, text }) => ({ key, value: text }));
    return producer.send({ topic, acks: -1, messages });
  };
}
