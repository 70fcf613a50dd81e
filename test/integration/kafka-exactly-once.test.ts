import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import type { Sink } from '../../src/core/sink.ts';
import { batchOf, documentsOf, eventBatch, eventDocument, testStream } from '../support/batches.ts';
import { SmallLane } from '../support/kafka-ledger.ts';
import { KafkaProxy } from '../support/kafka-proxy.ts';
import { readTopic } from '../support/kafka-reader.ts';
import type { KafkaOverrides } from '../support/kafka-sink.ts';
import { makeKafkaSink } from '../support/kafka-sink.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';

vi.setConfig({ testTimeout: 180_000 });

let kafka: KafkaService;
let proxy: KafkaProxy;
let topics = 0;
const open: Sink[] = [];
const streams = Array.from({ length: 3 }, (_, n) => testStream(`10.0.0.${n}`));

beforeAll(async () => {
  proxy = await KafkaProxy.listen();
  const properties = {
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}`,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '200',
  };
  kafka = await startKafka({ properties, onPort: (port) => Object.assign(proxy, { target: port }) });
}, 600_000);

afterEach(async () => {
  Object.assign(proxy, { losses: 0, lostCommits: 0, commitDelay: 0 });
  for (const sink of open.splice(0)) await sink.close();
});

afterAll(async () => {
  await kafka?.remove();
  await proxy?.away();
});

/** Topics of its own for a test, and sinks of one name on them. */
async function place(config: Readonly<Record<string, string>> = {}) {
  topics += 1;
  const topic = `once-${topics}`;
  const [deadLetterTopic, checkpointTopic] = [`${topic}.dead-letter`, `${topic}.checkpoints`];
  await kafka.createTopic(topic, 3, config);
  await kafka.createTopic(deadLetterTopic);
  await kafka.createTopic(checkpointTopic, 2, { 'cleanup.policy': 'compact' });
  const make = async (overrides: KafkaOverrides = {}, bridge = topic) => {
    const names = {
      topic,
      deadLetterTopic,
      checkpointTopic,
      brokers: kafka.brokers,
      delivery: 'exactly-once',
    } as const;
    const made = await makeKafkaSink({ ...names, ...overrides }, bridge);
    open.push(made.sink);
    return { ...made, lane: new SmallLane(made.sink) };
  };
  return { topic, deadLetterTopic, checkpointTopic, make };
}

const round = (seq: number, events = 2) => streams.map((stream) => eventBatch(stream, seq, events));

/** Each record once and each stream in order, as a consumer of committed records sees it. */
async function expectOnce(topic: string, batches: readonly RecordBatch[]): Promise<void> {
  const records = await readTopic(kafka.brokers, topic);
  for (const stream of streams) {
    const there = records.filter(({ key }) => key === stream.id).map(({ value }) => value);
    expect(there).toEqual(documentsOf(batches.filter((batch) => batch.stream === stream)));
  }
}

describe('the Kafka sink with exactly-once', () => {
  it('holds what the last committed batch says, and the next sink goes on there', async () => {
    const { topic, make } = await place();
    const { lane, sink } = await make();
    expect(await lane.connect()).toEqual(new Map());
    for (const seq of [0, 1, 2]) await lane.write(round(seq));
    await sink.close();
    const next = await make();
    const held = await next.lane.connect();
    expect(held).toEqual(new Map(round(2).map(({ stream, checkpoint }) => [stream.id, checkpoint])));
    await next.lane.write([...round(2), ...round(3)]);
    await expectOnce(
      topic,
      [0, 1, 2, 3].flatMap((seq) => round(seq)),
    );
  });

  it('leaves no consumer group behind', async () => {
    const groups = await kafka.tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
      '--bootstrap-server',
      ...kafka.brokers,
      '--list',
    ]);
    expect(groups.split('\n').filter((name) => name.startsWith('kv-event-bridge'))).toEqual([]);
  });

  it('shows the same to a Java consumer of committed records', async () => {
    const { topic, make } = await place();
    const { lane } = await make();
    await lane.write(round(0));
    proxy.lostCommits = 1;
    await lane.write(round(1));
    const args = ['--bootstrap-server', ...kafka.brokers, '--topic', topic, '--from-beginning'];
    const bounds = ['--isolation-level', 'read_committed', '--timeout-ms', '8000'];
    const text = await kafka.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [...args, ...bounds]);
    expect(text.trimEnd().split('\n').sort()).toEqual(documentsOf([...round(0), ...round(1)]).sort());
  });

  it('appends nothing twice when a commit took effect and its answer was lost', async () => {
    const { topic, make } = await place();
    const { lane } = await make();
    for (let seq = 0; seq < 10; seq += 1) {
      if (seq % 2 === 1) proxy.lostCommits = 1;
      await lane.write(round(seq));
    }
    expect(proxy.lostCommits).toBe(0);
    expect(lane.failures.length).toBeGreaterThanOrEqual(5);
    expect(lane.failures.map(({ kind }) => kind)).toEqual(lane.failures.map(() => 'reopen'));
    await expectOnce(topic, Array.from({ length: 10 }, (_, seq) => round(seq)).flat());
  });

  it('appends nothing twice when answers to sends are lost', async () => {
    const { topic, make } = await place();
    const { lane } = await make();
    for (let seq = 0; seq < 6; seq += 1) {
      await lane.write(round(2 * seq));
      proxy.losses = 30;
      const writing = lane.write(round(2 * seq + 1));
      await sleep(50);
      proxy.losses = 0;
      await writing;
    }
    await expectOnce(topic, Array.from({ length: 12 }, (_, seq) => round(seq)).flat());
  });

  it('neither loses nor repeats anything when the broker is killed in the middle of transactions', async () => {
    const { topic, make } = await place();
    const { lane } = await make();
    let written = 0;
    let stop = false;
    const writing = (async () => {
      for (; !stop || written < 40; written += 1) await lane.write(round(written));
    })();
    await expect.poll(() => written, { timeout: 60_000, interval: 5 }).toBeGreaterThan(10);
    await kafka.kill();
    await expect.poll(() => lane.failures.length, { timeout: 30_000 }).toBeGreaterThan(0);
    await kafka.start();
    stop = true;
    await writing;
    await expectOnce(topic, Array.from({ length: written }, (_, seq) => round(seq)).flat());
  });

  it('lets the newer of two sinks of one name win; the older is fenced and stays so', async () => {
    const { topic, make } = await place();
    const [older, newer] = [await make(), await make()];
    await older.lane.write(round(0));
    expect((await newer.lane.connect())?.size).toBe(3);
    await expect(older.lane.write(round(1))).rejects.toMatchObject({ kind: 'fenced', code: 'FENCED' });
    for (let tries = 0; tries < 3; tries += 1) {
      await expect(older.sink.connect()).rejects.toMatchObject({ kind: 'fenced', code: 'FENCED' });
      await expect(older.sink.write(round(1))).rejects.toMatchObject({ kind: 'fenced', code: 'FENCED' });
      await newer.lane.write(round(1 + tries));
    }
    expect(newer.lane.failures).toEqual([]);
    await expectOnce(
      topic,
      [0, 1, 2, 3].flatMap((seq) => round(seq)),
    );
  });

  it('has one winner when several start at the same time', async () => {
    const { topic, make } = await place();
    const all = await Promise.all([make(), make(), make()]);
    const ends = await Promise.allSettled(
      all.map(async ({ lane }) => {
        for (let seq = 0; seq < 30; seq += 1) await lane.write(round(seq));
      }),
    );
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const end of ends) if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'FENCED' });
    await expectOnce(topic, Array.from({ length: 30 }, (_, seq) => round(seq)).flat());
  });

  it('does not take an expired transaction for a newer bridge', async () => {
    const { topic, make } = await place();
    const { lane } = await make({ transactionTimeout: 1_000, requestTimeout: 6_000 });
    await lane.write(round(0));
    proxy.commitDelay = 3_500;
    const writing = lane.write(round(1));
    await expect.poll(() => lane.failures.length, { timeout: 30_000 }).toBeGreaterThan(0);
    proxy.commitDelay = 0;
    await writing;
    expect(lane.failures[0]).toMatchObject({ kind: 'reopen' });
    expect(lane.failures.map(({ code }) => code)).not.toContain('TIMEOUT');
    await expectOnce(topic, [...round(0), ...round(1)]);
  });

  it('keeps bridges of different names apart in one checkpoint topic', async () => {
    const { make } = await place();
    const [one, other] = [await make({}, 'one'), await make({}, 'one.more')];
    await one.lane.write(round(0));
    await other.lane.write(round(0));
    await one.lane.write(round(1));
    const again = await make({}, 'one.more');
    expect((await again.lane.connect())?.get(streams[0]?.id ?? '')?.position.seq).toBe(0n);
    expect(one.lane.failures).toEqual([]);
  });

  it.each([
    ['is told to be', { maxRequestBytes: 20_000 }, {}],
    ['turns out to be only when the broker refuses it', { compression: 'gzip' }, { 'max.message.bytes': '20000' }],
  ] as [string, KafkaOverrides, Record<string, string>][])(
    'buries a record that is too large, where it %s, in the transaction of its siblings',
    async (_, overrides, config) => {
      const { topic, deadLetterTopic, make } = await place(config);
      const { sink, lane, facts } = await make(overrides);
      await lane.connect();
      const stream = streams[0] ?? testStream();
      const noise = Array.from({ length: 40_000 }, () => Math.random().toString(36)[2]).join('');
      const documents = [0, 1, 2].map((index) =>
        eventDocument(stream, { seq: 0, index, count: 3, text: index === 1 ? noise : 'small' }),
      );
      const batches = [batchOf(stream, documents), ...round(0).slice(1)];
      expect(await sink.write(batches)).toEqual({ deadLettered: 1, batchesDeadLettered: 1 });
      const there = await readTopic(kafka.brokers, topic);
      expect(there.filter(({ key }) => key === stream.id).map(({ value }) => value)).toEqual([
        documents[0],
        documents[2],
      ]);
      expect(there).toHaveLength(2 + 4);
      expect(await readTopic(kafka.brokers, deadLetterTopic)).toHaveLength(1);
      expect(facts.filter(({ fact }) => fact === 'dead-lettered')).toHaveLength(1);
      await lane.write(round(1));
      expect(await readTopic(kafka.brokers, topic)).toHaveLength(2 + 4 + 6);
    },
  );

  it('says that the checkpoint topic has lost what was written, instead of leaving a hole', async () => {
    const { make } = await place();
    const { sink } = await make();
    await sink.connect();
    await expect(sink.write(round(5))).rejects.toMatchObject({ kind: 'reopen', code: 'CHECKPOINT_BEHIND', written: 0 });
  });
});

describe('the lease in Kafka', () => {
  it('is free before anybody took it, held while it is renewed, and free once it lapsed or was released', async () => {
    const { make } = await place();
    const [active, standby] = [await make(), await make()];
    expect(await standby.sink.lease?.state(1_000)).toBe('free');
    await active.lane.connect();
    for (let n = 0; n < 4; n += 1) {
      await active.sink.lease?.renew(1_000);
      // A commit is answered before it can be read.
      await expect.poll(() => standby.sink.lease?.state(1_000)).toBe('held');
      await sleep(400);
    }
    await expect.poll(() => standby.sink.lease?.state(1_000)).toBe('free');
    await active.sink.lease?.renew(60_000);
    await expect.poll(() => standby.sink.lease?.state(60_000)).toBe('held');
    await active.sink.lease?.release();
    await expect.poll(() => standby.sink.lease?.state(60_000)).toBe('free');
  });

  it('is renewed while a write is under way, and tells a bridge without work that it is fenced', async () => {
    const { make } = await place();
    const [active, standby] = [await make(), await make()];
    const lease = active.sink.lease;
    await active.lane.connect();
    await Promise.all([active.lane.write(round(0, 500)), lease?.renew(1_000), active.lane.write(round(0, 500))]);
    expect(active.lane.failures).toEqual([]);
    await standby.lane.connect();
    await expect(lease?.renew(1_000)).rejects.toMatchObject({ kind: 'fenced', code: 'FENCED' });
    await lease?.release();
    await standby.lane.write(round(1));
    expect(standby.lane.failures).toEqual([]);
  });

  it('is renewed over a lost answer', async () => {
    const { make } = await place();
    const { sink, lane } = await make();
    await lane.connect();
    proxy.lostCommits = 1;
    await sink.lease?.renew(1_000);
    expect(proxy.lostCommits).toBe(0);
    await lane.write(round(0));
  });
});
