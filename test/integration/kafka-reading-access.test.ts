import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CheckpointBook } from '../../src/core/checkpoint-book.ts';
import type { RecordReader } from '../../src/core/record-reader.ts';
import { kafkaSink } from '../../src/sinks/kafka.ts';
import { documentsOf, eventBatch, testStream } from '../support/batches.ts';
import type { KafkaOverrides } from '../support/kafka-sink.ts';
import { kafkaConfig, makeKafkaSink } from '../support/kafka-sink.ts';
import { readAll } from '../support/reading.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';
import type { SecurePorts } from '../support/services/kafka-native.ts';
import { kafkaUser } from '../support/services/kafka-native.ts';
import type { Certificates } from '../support/services/tls.ts';
import { makeCertificates } from '../support/services/tls.ts';
import { waitUntil } from '../support/wait.ts';

vi.setConfig({ testTimeout: 60_000 });

const { AclResourceTypes, ResourcePatternTypes, AclOperationTypes, AclPermissionTypes } = kafkajs;
const bridge = 'looked-at';
const stream = testStream();
const batch = eventBatch(stream, 0, 3);
const rewound = { position: { epoch: 1_763_800_000_000, seq: null, sub: 0 }, ts: null, hash: null };

let certificates: Certificates;
let kafka: KafkaService;
let topics = 0;

beforeAll(async () => {
  certificates = await makeCertificates();
  kafka = await startKafka({ secure: certificates });
}, 600_000);

afterAll(async () => {
  await kafka?.remove();
  certificates?.remove();
});

type Right = readonly ['topic' | 'transactionalId', string, 'READ' | 'WRITE' | 'DESCRIBE'];

/** The user of the SASL listener has these rights, on names of this test's own. */
async function allow(...rights: readonly Right[]): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [...kafka.brokers], logCreator: () => () => {} }).admin();
  const resources = { topic: AclResourceTypes.TOPIC, transactionalId: AclResourceTypes.TRANSACTIONAL_ID };
  await admin.connect();
  await admin.createAcls({
    acl: rights.map(([resource, resourceName, operation]) => ({
      resourceType: resources[resource],
      resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: `User:${kafkaUser.username}`,
      host: '*',
      operation: AclOperationTypes[operation],
      permissionType: AclPermissionTypes.ALLOW,
    })),
  });
  await admin.disconnect();
}

/** Topics of its own, with three records and a checkpoint, and how the user finds them. */
async function place(
  overrides: KafkaOverrides = {},
): Promise<{ topic: string; checkpoints: string; own: KafkaOverrides }> {
  const topic = `place-${topics++}`;
  const checkpoints = `${topic}.checkpoints`;
  const names = { topic, checkpointTopic: checkpoints, deadLetterTopic: `${topic}.dead-letter` };
  const settings = { ...names, createTopics: true, partitions: 1, requestTimeout: 3_000, ...overrides };
  const { sink } = await makeKafkaSink({ ...settings, brokers: [...kafka.brokers] }, bridge);
  await sink.connect();
  await sink.write([batch]);
  await sink.close();
  const { sasl } = kafka.secure as SecurePorts;
  const login = { brokers: [`localhost:${sasl}`], sasl: { mechanism: 'plain', ...kafkaUser } } as const;
  return { topic, checkpoints, own: { ...settings, ...login } };
}

async function readerOf(own: KafkaOverrides): Promise<RecordReader> {
  return (await kafkaSink.reader?.(kafkaConfig(own), { bridge })) as RecordReader;
}

async function withBook<T>(own: KafkaOverrides, work: (book: CheckpointBook) => Promise<T>): Promise<T> {
  const book = (await kafkaSink.checkpoints?.(kafkaConfig(own), { bridge })) as CheckpointBook;
  try {
    return await work(book);
  } finally {
    await book.close();
  }
}

async function texts(own: KafkaOverrides): Promise<readonly string[]> {
  const reader = await readerOf(own);
  try {
    return (await readAll(reader)).map(({ text }) => text);
  } finally {
    await reader.close();
  }
}

/** What it throws, until the broker has heard of the rights that were granted; then what it gives. */
function granted<T>(work: () => Promise<T>): Promise<T> {
  return waitUntil(work, 30_000);
}

const put = (own: KafkaOverrides) => withBook(own, (book) => book.put(stream.id, rewound));
const list = (own: KafkaOverrides) => withBook(own, async (book) => [...(await book.list()).keys()]);

describe('rights that reading from Kafka needs', () => {
  it('records: Read on the topic, and the error says so', async () => {
    const { topic, own } = await place();
    await expect(texts(own)).rejects.toThrow(
      `reading topic "${topic}": not authorized; grant the principal Read on it`,
    );
    await allow(['topic', topic, 'DESCRIBE']);
    await expect(texts(own)).rejects.toThrow(/grant the principal Read on it/);
    await allow(['topic', topic, 'READ']);
    expect(await granted(() => texts(own))).toEqual(documentsOf([batch]));
  });

  it('records of a template: Read on each of its topics', async () => {
    const { topic, own } = await place();
    const template = { ...own, topic: `${topic}{model}` };
    expect(await texts(template)).toEqual([]);
    await allow(['topic', topic, 'READ']);
    await granted(async () => expect(await texts(template)).toEqual(documentsOf([batch])));
  });

  it.each(['at-least-once', 'exactly-once'] as const)('inspect: Read on the checkpoint topic, %s', async (delivery) => {
    const { checkpoints, own } = await place({ delivery });
    await expect(list(own)).rejects.toThrow(
      `reading topic "${checkpoints}": not authorized; grant the principal Read on it`,
    );
    await allow(['topic', checkpoints, 'READ']);
    expect(await granted(() => list(own))).toEqual([stream.id]);
    expect(await withBook(own, (book) => book.nameState())).toMatchObject({ isHeld: false });
  });

  it('rewind: Read and Write on the checkpoint topic', async () => {
    const { checkpoints, own } = await place();
    await allow(['topic', checkpoints, 'READ']);
    await granted(() => list(own));
    await expect(put(own)).rejects.toThrow(/grant the principal Write on the topic/);
    await allow(['topic', checkpoints, 'WRITE']);
    await granted(() => put(own));
    const after = await withBook(own, (book) => book.list());
    expect(after.get(stream.id)?.position.seq).toBe(null);
  });

  it('rewind, exactly-once: Write on the transactional id as well', async () => {
    const { checkpoints, own } = await place({ delivery: 'exactly-once' });
    await allow(['topic', checkpoints, 'READ'], ['topic', checkpoints, 'WRITE']);
    await granted(() => list(own));
    await expect(put(own)).rejects.toThrow(/Write and Describe on the transactional id/);
    await allow(['transactionalId', `kv-event-bridge.${bridge}`, 'WRITE']);
    await granted(() => put(own));
    const after = await withBook(own, (book) => book.list());
    expect(after.get(stream.id)?.position.seq).toBe(null);
  });
});
