import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { compileSources } from '../support/compiled.ts';
import { readTopic } from '../support/kafka-reader.ts';
import { makeKafkaSink } from '../support/kafka-sink.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';

vi.setConfig({ testTimeout: 180_000 });

const root = join(import.meta.dirname, '../..');
const stream = 'zmq/kv@10.0.0.5@m/0';
let kafka: KafkaService;
let compiled: string;

beforeAll(async () => {
  compiled = await compileSources(['src/sinks/kafka.ts']);
  await symlink(join(root, 'node_modules'), join(compiled, 'node_modules'));
  kafka = await startKafka();
}, 600_000);

afterAll(async () => {
  await kafka?.remove();
  if (compiled !== undefined) await rm(compiled, { recursive: true, force: true });
});

async function place(topic: string) {
  const names = { topic, deadLetterTopic: `${topic}.dead-letter`, checkpointTopic: `${topic}.checkpoints` };
  await kafka.createTopic(names.topic, 2);
  await kafka.createTopic(names.deadLetterTopic);
  await kafka.createTopic(names.checkpointTopic, 1, { 'cleanup.policy': 'compact' });
  return { ...names, brokers: kafka.brokers };
}

/** A bridge in small that writes without end; `confirmed` is the last number it has told. */
class Writer {
  confirmed = -1;
  readonly #child: ChildProcess;

  constructor(config: object) {
    const script = join(root, 'test/sinks/children/kafka.mjs');
    this.#child = spawn(process.execPath, [script, compiled, JSON.stringify(config)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child.stdout?.on('data', (bytes: Buffer) => {
      const last = bytes.toString().trim().split('\n').at(-1);
      this.confirmed = Math.max(this.confirmed, Number(last));
    });
  }

  async kill(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

/** The numbers of the records in the topic as `number.index`. */
async function recordsOf(topic: string): Promise<string[]> {
  const records = (await readTopic(kafka.brokers, topic)).map(({ value }) => JSON.parse(value));
  return records.map(({ n, index }) => `${n}.${index}`);
}

const upTo = (last: number) =>
  Array.from({ length: last + 1 }, (_, n) => [0, 1, 2].map((index) => `${n}.${index}`)).flat();

async function heldBy(config: Parameters<typeof makeKafkaSink>[0]): Promise<number> {
  const { sink } = await makeKafkaSink(config, 'killed');
  const held = await sink.connect();
  await sink.close();
  return Number(held?.get(stream)?.position.seq ?? -1);
}

describe('a bridge that is killed in the middle of its writes to Kafka', () => {
  it('has every record once with exactly-once, and its checkpoint is the last committed batch', async () => {
    const config = { ...(await place('killed-once')), delivery: 'exactly-once' } as const;
    let confirmed = -1;
    for (let kills = 0; kills < 8; kills += 1) {
      const writer = new Writer(config);
      await expect.poll(() => writer.confirmed, { timeout: 60_000, interval: 1 }).toBeGreaterThan(confirmed);
      await sleep(Math.random() * 60);
      await writer.kill();
      confirmed = writer.confirmed;
    }
    // Taking the name aborts what the last one left open.
    const held = await heldBy(config);
    expect(held).toBeGreaterThanOrEqual(confirmed);
    expect(await recordsOf(config.topic)).toEqual(upTo(held));
  });

  it('misses nothing with at-least-once, and its checkpoint is never ahead of the records', async () => {
    const config = { ...(await place('killed-often')), checkpointInterval: 10 };
    let confirmed = -1;
    let before = -1;
    for (let kills = 0; kills < 6; kills += 1) {
      const writer = new Writer(config);
      await expect.poll(() => writer.confirmed, { timeout: 60_000, interval: 1 }).toBeGreaterThan(confirmed + 20);
      await sleep(Math.random() * 60);
      await writer.kill();
      confirmed = writer.confirmed;
      const held = await heldBy(config);
      const there = new Set(await recordsOf(config.topic));
      expect(upTo(held).filter((one) => !there.has(one))).toEqual([]);
      expect(held).toBeGreaterThanOrEqual(before);
      before = held;
    }
    // A life can end before its first checkpoint, six of them hardly.
    expect(before).toBeGreaterThan(0);
    const unique = [...new Set(await recordsOf(config.topic))];
    expect(unique.slice(0, 3 * (confirmed + 1))).toEqual(upTo(confirmed));
  });
});
