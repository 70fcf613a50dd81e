import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';
import { documentsOf, eventBatch, testStream } from '../support/batches.ts';
import { KafkaProxy } from '../support/kafka-proxy.ts';
import { readTopic } from '../support/kafka-reader.ts';
import type { KafkaOverrides } from '../support/kafka-sink.ts';
import { makeKafkaSink } from '../support/kafka-sink.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';

// Java's tools and restarts take their time on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

let kafka: KafkaService;
let proxy: KafkaProxy;
let topics = 0;
const streams = Array.from({ length: 4 }, (_, n) => testStream(`10.0.0.${n}`));

beforeAll(async () => {
  proxy = await KafkaProxy.listen();
  const properties = { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` };
  kafka = await startKafka({ properties, onPort: (port) => Object.assign(proxy, { target: port }) });
}, 600_000);

afterAll(async () => {
  await kafka?.remove();
  await proxy?.away();
});

/** A lane in small: writes again what was not confirmed; counts what went wrong. */
class Ledger {
  readonly confirmed: RecordBatch[] = [];
  readonly failures: SinkError[] = [];
  longest = 0;

  async write(sink: Sink, batches: readonly RecordBatch[]): Promise<void> {
    let rest = batches;
    while (rest.length > 0) {
      const started = performance.now();
      try {
        await sink.write(rest);
        this.confirmed.push(...rest);
        rest = [];
      } catch (error) {
        if (!(error instanceof SinkError)) throw error;
        this.failures.push(error);
        this.confirmed.push(...rest.slice(0, error.written));
        rest = rest.slice(error.written);
        await sleep(100);
      }
      this.longest = Math.max(this.longest, performance.now() - started);
    }
  }
}

async function prepare(overrides: KafkaOverrides = {}) {
  topics += 1;
  const topic = `faults-${topics}`;
  await kafka.createTopic(topic, 3);
  await kafka.createTopic(`${topic}.dead-letter`);
  await kafka.createTopic(`${topic}.checkpoints`, 1, { 'cleanup.policy': 'compact' });
  const { sink } = await makeKafkaSink({
    brokers: kafka.brokers,
    topic,
    deadLetterTopic: `${topic}.dead-letter`,
    checkpointTopic: `${topic}.checkpoints`,
    ...overrides,
  });
  await sink.connect();
  return { topic, sink, ledger: new Ledger() };
}

const rounds = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => streams.map((stream) => eventBatch(stream, from + n, 3)));

/** Everything confirmed is there, each stream in order (first copies); returns the number of repeats. */
async function audit(topic: string, ledger: Ledger): Promise<number> {
  const records = await readTopic(kafka.brokers, topic);
  for (const stream of streams) {
    const there = [...new Set(records.filter(({ key }) => key === stream.id).map(({ value }) => value))];
    expect(there).toEqual(documentsOf(ledger.confirmed.filter((batch) => batch.stream === stream)));
  }
  return records.length - documentsOf(ledger.confirmed).length;
}

describe('the Kafka sink when things break', () => {
  it('neither loses nor repeats records when answers get lost after the broker has appended them', async () => {
    const { topic, sink, ledger } = await prepare();
    for (const [n, batches] of rounds(0, 12).entries()) {
      if (n % 2 === 1) proxy.losses = 1;
      await ledger.write(sink, batches);
    }
    expect(proxy.losses).toBe(0);
    expect(await audit(topic, ledger)).toBe(0);
    await sink.close();
  });

  it('repeats the same send, also over several failed writes, so that nothing is doubled', async () => {
    const { topic, sink, ledger } = await prepare();
    const [first = [], second = []] = rounds(0, 2);
    await ledger.write(sink, first);
    proxy.losses = 8;
    const failing = ledger.write(sink, second);
    await expect.poll(() => ledger.failures.length, { timeout: 60_000 }).toBeGreaterThan(0);
    proxy.losses = 0;
    await failing;
    expect(await audit(topic, ledger)).toBe(0);
    await sink.close();
  });

  it('repeats records after lost answers when it may not be idempotent', async () => {
    const { topic, sink, ledger } = await prepare({ idempotent: false });
    const [first = [], ...rest] = rounds(0, 3);
    // The streams' epochs are stored with the first write: a loss there repeats no record.
    await ledger.write(sink, first);
    proxy.losses = 1;
    for (const batches of rest) await ledger.write(sink, batches);
    expect(await audit(topic, ledger)).toBeGreaterThan(0);
    await sink.close();
  });

  it('loses nothing confirmed when the broker is killed in the middle of writes', async () => {
    const { topic, sink, ledger } = await prepare();
    const writing = (async () => {
      for (const batches of rounds(0, 150)) {
        await ledger.write(sink, batches);
        await sleep(5);
      }
    })();
    await expect.poll(() => ledger.confirmed.length, { timeout: 30_000, interval: 5 }).toBeGreaterThan(40);
    await kafka.kill();
    await expect.poll(() => ledger.failures.length, { timeout: 30_000 }).toBeGreaterThan(0);
    await kafka.start();
    await writing;
    expect(ledger.failures.every(({ kind }) => kind === 'transient')).toBe(true);
    const repeats = await audit(topic, ledger);
    expect(repeats).toBeLessThanOrEqual(2 * 3 * streams.length);
    await sink.close();
  });

  it('reports a frozen broker within its patience, and goes on without repeating anything when it wakes up', async () => {
    const { topic, sink, ledger } = await prepare({ requestTimeout: 1_500, connectionTimeout: 500 });
    const [first = [], second = [], third = []] = rounds(0, 3);
    await ledger.write(sink, first);
    await kafka.pause();
    try {
      const frozen = ledger.write(sink, second);
      await expect.poll(() => ledger.failures.length, { timeout: 30_000 }).toBeGreaterThan(2);
      await kafka.resume();
      await frozen;
    } finally {
      await kafka.resume().catch(() => {});
    }
    await ledger.write(sink, third);
    expect(ledger.longest).toBeLessThan(20_000);
    expect(await audit(topic, ledger)).toBe(0);
    await sink.close();
  });
});
