import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SinkError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';
import { codeTable } from '../../src/sinks/kafka/codes.ts';
import { hasZstd } from '../../src/sinks/kafka/compression.ts';
import { partitionOf } from '../../src/sinks/kafka/partition.ts';
import { batchOf, documentsOf, eventBatch, eventDocument, testStream } from '../support/batches.ts';
import { readTopic } from '../support/kafka-reader.ts';
import type { KafkaOverrides } from '../support/kafka-sink.ts';
import { makeKafkaSink } from '../support/kafka-sink.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';

// Java's tools and restarts take their time on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

let kafka: KafkaService;
const deadLetterTopic = 'delivery.dead-letter';
const checkpointTopic = 'delivery.checkpoints';
const open: Sink[] = [];

beforeAll(async () => {
  kafka = await startKafka();
  await kafka.createTopic(deadLetterTopic);
  await kafka.createTopic(checkpointTopic, 1, { 'cleanup.policy': 'compact' });
}, 600_000);

afterAll(async () => {
  for (const sink of open) await sink.close();
  await kafka?.remove();
});

async function make(overrides: KafkaOverrides) {
  const made = await makeKafkaSink({ brokers: kafka.brokers, deadLetterTopic, checkpointTopic, ...overrides });
  open.push(made.sink);
  return made;
}

async function values(topic: string): Promise<string[]> {
  return (await readTopic(kafka.brokers, topic)).map(({ value }) => value);
}

/** What Java's own consumer makes of a topic. */
async function readByJava(topic: string, count: number): Promise<string[]> {
  const args = ['--bootstrap-server', ...kafka.brokers, '--topic', topic, '--partition', '0', '--offset', 'earliest'];
  const bounds = ['--max-messages', String(count), '--timeout-ms', '60000'];
  const text = await kafka.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [...args, ...bounds]);
  return text.trimEnd().split('\n');
}

const failureOf = (promise: Promise<unknown>): Promise<SinkError> =>
  promise.then(
    () => expect.unreachable('must fail'),
    (error: SinkError) => error,
  );

describe('the Kafka sink and a real broker', () => {
  it('keeps every stream on the partition a Java producer would choose, in order, with its id as key', async () => {
    await kafka.createTopic('spread', 5);
    const { sink } = await make({ topic: 'spread', maxRequestBytes: 65_536 });
    const streams = Array.from({ length: 12 }, (_, n) => testStream(`10.0.0.${n}`));
    const batches = Array.from({ length: 30 }, (_, seq) => streams.map((stream) => eventBatch(stream, seq, 5))).flat();
    await sink.write(batches);
    const records = await readTopic(kafka.brokers, 'spread');
    expect(records).toHaveLength(30 * 12 * 5);
    for (const stream of streams) {
      const mine = records.filter(({ key }) => key === stream.id);
      expect(mine.map(({ value }) => value)).toEqual(documentsOf(batches.filter((batch) => batch.stream === stream)));
      expect(new Set(mine.map(({ partition }) => partition))).toEqual(
        new Set([partitionOf(Buffer.from(stream.id), 5)]),
      );
    }
    expect(new Set(records.map(({ partition }) => partition)).size).toBeGreaterThan(2);
    expect(records[0]?.timestamp).toBeGreaterThanOrEqual(batches[0]?.receivedAt ?? Number.NaN);
  });

  it('gives each model its topic, and sends what would land among the dead letters there as such', async () => {
    await kafka.createTopic('by-Qwen_Qwen3-0.6B');
    const { sink, facts } = await make({ topic: 'by-{model}' });
    const good = eventBatch(testStream(), 0, 2);
    const { sink: sneaky } = await make({ topic: 'delivery.{model}' });
    const bad = eventBatch({ ...testStream(), model: 'dead-letter' }, 1, 2);
    expect(await sink.write([good])).toEqual({ deadLettered: 0, batchesDeadLettered: 0 });
    expect(await sneaky.write([bad])).toEqual({ deadLettered: 2, batchesDeadLettered: 1 });
    expect(await values('by-Qwen_Qwen3-0.6B')).toEqual(documentsOf([good]));
    const letters = (await values(deadLetterTopic)).map((text) => JSON.parse(text));
    expect(letters.filter(({ reason }) => reason === 'reserved_target')).toMatchObject([
      { type: 'DeadLetter', sink: 'kafka', target: 'delivery.dead-letter' },
      { type: 'DeadLetter' },
    ]);
    expect(facts).toEqual([]);
  });

  const codecs = ['none', 'gzip', 'snappy', 'lz4', ...(hasZstd ? ['zstd'] : [])] as KafkaOverrides['compression'][];
  it.each(codecs)(
    'writes %s so that the Java consumer reads it',
    async (compression = 'none') => {
      const topic = `codec-${compression}`;
      await kafka.createTopic(topic);
      const { sink } = await make({ topic, compression });
      const batches = [
        eventBatch(testStream(), 0, 300, { tokens: 40 }),
        eventBatch(testStream(), 1, 1, { text: 'ü'.repeat(90_000) }),
      ];
      await sink.write(batches);
      const read = await readByJava(topic, 301);
      // Compared one by one: a difference between megabytes is no message for people.
      for (const [at, document] of documentsOf(batches).entries())
        expect(read[at] === document, `record ${at}`).toBe(true);
      expect(read).toHaveLength(301);
    },
    90_000,
  );

  it('names each missing topic and how to create it, and goes on by itself once they are there', async () => {
    const { sink } = await make({
      topic: 'later',
      deadLetterTopic: 'later.dead-letter',
      checkpointTopic: 'later.checkpoints',
    });
    const error = await failureOf(sink.connect());
    expect(error).toMatchObject({ kind: 'destination', code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(error.message).toContain(
      `kafka-topics.sh --bootstrap-server ${kafka.brokers[0]} --create --topic later --partitions 6`,
    );
    expect(error.message).toContain('--topic later.dead-letter');
    expect(error.message).toMatch(/--topic later\.checkpoints --partitions 1 .*--config cleanup\.policy=compact/);
    expect(error.message).toContain('kafka.createTopics');
    const batch = eventBatch(testStream(), 0, 3);
    expect(await failureOf(sink.write([batch]))).toMatchObject({ kind: 'destination', written: 0 });
    await kafka.createTopic('later', 2);
    await kafka.createTopic('later.dead-letter');
    await kafka.createTopic('later.checkpoints', 3, { 'cleanup.policy': 'compact' });
    await sink.connect();
    await sink.write([batch]);
    expect(await values('later')).toEqual(documentsOf([batch]));
  });

  it('writes what comes before a missing topic, and counts it', async () => {
    await kafka.createTopic('m-one');
    const { sink } = await make({ topic: 'm-{model}' });
    const one = eventBatch({ ...testStream(), model: 'one' }, 0, 2);
    const two = eventBatch({ ...testStream(), model: 'two' }, 0, 2);
    expect(await failureOf(sink.write([one, two]))).toMatchObject({ kind: 'destination', written: 1 });
    await kafka.createTopic('m-two');
    await sink.write([two]);
    expect([await values('m-one'), await values('m-two')]).toEqual([documentsOf([one]), documentsOf([two])]);
  });

  it('creates its topics when it may', async () => {
    const { sink } = await make({
      topic: 'made',
      deadLetterTopic: 'made.dead-letter',
      checkpointTopic: 'made.checkpoints',
      createTopics: true,
      partitions: 4,
    });
    await sink.connect();
    await sink.write([eventBatch(testStream(), 0)]);
    const list = await kafka.tool('org.apache.kafka.tools.TopicCommand', [
      '--bootstrap-server',
      ...kafka.brokers,
      '--describe',
      '--topic',
      'made.*',
    ]);
    expect(list).toMatch(/Topic: made\s.*PartitionCount: 4\s+ReplicationFactor: 1/);
    expect(list).toMatch(/Topic: made\.dead-letter\s/);
    expect(list).toMatch(/Topic: made\.checkpoints\s.*PartitionCount: 1\s.*cleanup\.policy=compact/);
  });

  it('goes on after its topic was deleted and made again, smaller', async () => {
    await kafka.createTopic('again', 6);
    const { sink } = await make({ topic: 'again', createTopics: true, partitions: 1 });
    const streams = Array.from({ length: 8 }, (_, n) => testStream(`10.0.0.${n}`));
    await sink.write(streams.map((stream) => eventBatch(stream, 0)));
    await kafka.tool('org.apache.kafka.tools.TopicCommand', [
      '--bootstrap-server',
      ...kafka.brokers,
      '--delete',
      '--topic',
      'again',
    ]);
    const rest = streams.map((stream) => eventBatch(stream, 1));
    await expect
      .poll(() => sink.write(rest).catch((error: SinkError) => error.message), { timeout: 30_000 })
      .toEqual({ deadLettered: 0, batchesDeadLettered: 0 });
    expect(new Set(await values('again'))).toEqual(new Set(documentsOf(rest)));
  });

  it.each([
    ['is told to be', { maxRequestBytes: 20_000 }, {}],
    ['turns out to be only when the broker refuses it', { compression: 'gzip' }, { 'max.message.bytes': '20000' }],
  ] as [string, KafkaOverrides, Record<string, string>][])(
    'buries a record that is too large, where the limit %s, and delivers its siblings',
    async (_, overrides, config) => {
      const topic = `large-${Object.keys(overrides)[0]}`;
      await kafka.createTopic(topic, 2, config);
      const { sink, facts } = await make({ topic, ...overrides });
      const stream = testStream();
      // Random text: compressed it is still too large.
      const noise = randomBytes(30_000).toString('base64');
      const text = (index: number, large: boolean) =>
        eventDocument(stream, { seq: 0, index, count: 5, text: large ? noise : 'small' });
      const documents = [0, 1, 2, 3, 4].map((index) => text(index, index === 1 || index === 3));
      expect(await sink.write([batchOf(stream, documents), eventBatch(testStream('10.0.0.9'), 0)])).toEqual({
        deadLettered: 2,
        batchesDeadLettered: 1,
      });
      expect(
        facts
          .filter(({ fact }) => fact === 'dead-lettered')
          .reduce((sum, fact) => sum + ('records' in fact ? fact.records : 0), 0),
      ).toBe(2);
      expect(
        (await readTopic(kafka.brokers, topic)).filter(({ key }) => key === stream.id).map(({ value }) => value),
      ).toEqual(documents.filter((_, index) => index % 2 === 0));
      const letters = (await values(deadLetterTopic)).map((letter) => JSON.parse(letter));
      expect(letters.filter(({ target }) => target === topic)).toMatchObject([
        { reason: 'too_large', index: 1 },
        { reason: 'too_large', index: 3 },
      ]);
    },
  );

  it('finds by halves what the broker refuses although the topic said otherwise', async () => {
    await kafka.createTopic('shrunk', 1);
    const { sink } = await make({ topic: 'shrunk' });
    const stream = testStream();
    await sink.write([eventBatch(stream, 0, 10)]);
    const alter = [
      '--alter',
      '--entity-type',
      'topics',
      '--entity-name',
      'shrunk',
      '--add-config',
      'max.message.bytes=5000',
    ];
    await kafka.tool('kafka.admin.ConfigCommand', ['--bootstrap-server', ...kafka.brokers, ...alter]);
    const documents = Array.from({ length: 20 }, (_, index) =>
      eventDocument(stream, { seq: 1, index, count: 20, text: index % 7 === 3 ? 'x'.repeat(9_000) : 'small' }),
    );
    expect(await sink.write([batchOf(stream, documents, 1)])).toEqual({ deadLettered: 3, batchesDeadLettered: 1 });
    expect((await values('shrunk')).slice(10)).toEqual(documents.filter((_, index) => index % 7 !== 3));
  });

  it('knows every error code that this Kafka has', async () => {
    const html = await kafka.tool('org.apache.kafka.common.protocol.Errors', []);
    const rows = [...html.matchAll(/<td>([A-Z_]+)<\/td>\s*<td>(-?\d+)<\/td>/g)].map(([, name, code]) => [
      Number(code),
      name,
    ]);
    expect(rows.length).toBeGreaterThan(100);
    expect(codeTable.map(({ code, name }) => [code, name])).toEqual(rows.filter(([code]) => code !== 0));
  });
});
