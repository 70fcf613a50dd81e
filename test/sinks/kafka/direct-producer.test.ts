import type { Kafka } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import type { Part } from '../../../src/sinks/kafka/chunks.ts';
import { DirectProducer } from '../../../src/sinks/kafka/direct-producer.ts';
import type { Sendable } from '../../../src/sinks/kafka/entries.ts';
import { single } from '../../../src/sinks/kafka/entries.ts';

/** How a broker takes a request: it answers, the connection breaks, or it has taken it and nobody hears the answer. */
type Fate = 'answers' | 'breaks';

/** One record batch as it was handed to a socket: its memory, and a copy of what stood there then. */
interface Sent {
  readonly partition: number;
  readonly memory: Buffer;
  readonly copy: Buffer;
}

const baseSequenceAt = 53;
const broken = () => Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError', retriable: true });

/** The inside of kafkajs's client as far as the producer needs it: one broker, some partitions with a leader. */
class PlayedCluster {
  readonly sent: Sent[] = [];
  readonly fates: Fate[] = [];
  withoutLeader: number | null = null;

  get kafka(): Kafka {
    const broker = {
      versions: { 0: { maxVersion: 7 } },
      connectionPool: { getConnection: async () => this.#connection() },
      disconnect: async () => {},
      initProducerId: async () => ({ producerId: '5', producerEpoch: 0 }),
    };
    const cluster = {
      ...{ connect: async () => {}, disconnect: async () => {}, isConnected: () => true },
      ...{ refreshMetadata: async () => {}, refreshMetadataIfNecessary: async () => {} },
      ...{ addMultipleTargetTopics: async () => {}, findControllerBroker: async () => broker },
      ...{ findBroker: async () => broker },
      findLeaderForPartitions: (_: string, [partition]: number[]) =>
        partition === this.withoutLeader ? {} : { 1: [partition] },
    };
    return { [Symbol('private:Kafka:createCluster')]: () => cluster } as unknown as Kafka;
  }

  #connection() {
    let pieces: Buffer[] = [];
    const socket = { cork() {}, uncork() {}, write: (bytes: Buffer) => void pieces.push(bytes) };
    const push = ({
      entry,
      sendRequest,
    }: {
      entry: { resolve(answer: object): void; reject(error: Error): void };
      sendRequest(): void;
    }) => {
      pieces = [];
      sendRequest();
      const partitions = this.#note(pieces.slice(2));
      if ((this.fates.shift() ?? 'answers') === 'answers') entry.resolve({ payload: answerOf(partitions) });
      else entry.reject(broken());
    };
    return {
      ...{ clientId: 'test', socket, isAuthenticated: () => true, failIfNotConnected() {}, nextCorrelationId: () => 1 },
      requestQueue: { push, maybeThrottle() {} },
    };
  }

  /** Behind the header of the request: by turns what the next record batch is for, and that. */
  #note(pieces: readonly Buffer[]): number[] {
    const partitions: number[] = [];
    for (let index = 0; index < pieces.length; index += 2) {
      const [head, memory] = pieces.slice(index, index + 2) as [Buffer, Buffer];
      const partition = head.readInt32BE(head.length - 8);
      partitions.push(partition);
      this.sent.push({ partition, memory, copy: Buffer.from(memory) });
    }
    return partitions;
  }
}

/** Produce response, version 7. */
function answerOf(partitions: readonly number[]): Buffer {
  const int = (size: number, value: number) => {
    const bytes = Buffer.alloc(size);
    bytes.writeIntBE(value, Math.max(size - 6, 0), Math.min(size, 6));
    return bytes;
  };
  const topics = partitions.flatMap((partition) => [
    ...[int(2, 1), Buffer.from('t'), int(4, 1), int(4, partition)],
    ...[int(2, 0), int(8, 0), Buffer.alloc(8, 0xff), int(8, 0)],
  ]);
  return Buffer.concat([int(4, partitions.length), ...topics, int(4, 0)]);
}

async function producerOn(cluster: PlayedCluster): Promise<DirectProducer> {
  const retry = { initialRetryTime: 1, multiplier: 1, maxRetryTime: 1, retries: 3 };
  const options = { idempotent: true, transactionalId: null, transactionTimeout: 0, requestTimeout: 1_000, retry };
  const codec = { number: 0, compress: null };
  const producer = new DirectProducer(cluster.kafka, options, codec);
  await producer.connect();
  return producer;
}

const partOf = (partition: number, ...values: string[]): Part<Sendable> => ({
  topic: 't',
  partition,
  entries: values.map((value) => single(Buffer.from('k'), Buffer.from(value), { receivedAt: 1 })),
});

const numbersOf = ({ sent }: PlayedCluster) =>
  sent.map(({ partition, copy }) => `${partition}: ${copy.readInt32BE(baseSequenceAt)}`);

describe('a direct producer', () => {
  it('numbers the records of each partition, and sends again what got no answer under the same numbers', async () => {
    const cluster = new PlayedCluster();
    const producer = await producerOn(cluster);
    await producer.send([partOf(0, 'a', 'b'), partOf(1, 'c')], 0);
    cluster.fates.push('breaks');
    await producer.send([partOf(0, 'd')], 0);
    await producer.send([partOf(0, 'e')], 0);
    expect(numbersOf(cluster)).toEqual(['0: 0', '1: 0', '0: 2', '0: 2', '0: 3']);
  });

  it('does not use up numbers of what had no leader to go to', async () => {
    const cluster = new PlayedCluster();
    const producer = await producerOn(cluster);
    cluster.withoutLeader = 1;
    const results = await producer.send([partOf(0, 'a'), partOf(1, 'b', 'c')], 0);
    expect(results.map(({ partition }) => partition)).toEqual([0]);
    cluster.withoutLeader = null;
    await producer.send([partOf(1, 'b', 'c')], 0);
    expect(numbersOf(cluster)).toEqual(['0: 0', '1: 0']);
  });

  it('writes into memory again that was answered for, and never into what may be under way', async () => {
    const cluster = new PlayedCluster();
    const producer = await producerOn(cluster);
    await producer.send([partOf(0, 'first')], 0);
    await producer.send([partOf(0, 'second')], 0);
    const [first, second] = cluster.sent;
    expect(second?.memory.buffer).toBe(first?.memory.buffer);
    cluster.fates.push('breaks');
    await producer.send([partOf(0, 'third')], 0);
    await producer.send([partOf(0, 'fourth')], 0);
    await producer.send([partOf(0, 'fifth')], 0);
    const third = cluster.sent[2];
    expect(third?.memory.equals(third.copy)).toBe(true);
  });
});
