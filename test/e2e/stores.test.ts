import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readTopic } from '../support/kafka-reader.ts';
import { freePorts } from '../support/ports.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';
import type { RedisService } from '../support/services/redis.ts';
import { startRedis } from '../support/services/redis.ts';
import { recordsIn } from '../support/services/redis-sink.ts';
import { waitFor } from '../support/services/service.ts';
import { compareTruth } from '../support/truth.ts';
import { RawPublisher } from '../support/zmq.ts';
import { Bridge, Program } from './bridge.ts';
import { linesOf, parseRecords, readTruth, withoutRepeats } from './records.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-e2e-'));
const fixtures = new URL('../fixtures/captures/', import.meta.url).pathname;
let redis: RedisService;
let kafka: KafkaService;
let running: Program[] = [];
let runs = 0;

beforeAll(async () => {
  [redis, kafka] = await Promise.all([startRedis({ persist: 'everysec' }), startKafka()]);
}, 300_000);
afterAll(async () => {
  await Promise.all([redis?.remove(), kafka?.remove()]);
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await Promise.all(running.map((program) => program.stop('SIGKILL')));
  running = [];
});

/** A bridge into both stores under names of its own. */
async function bridgeInto(env: Readonly<Record<string, string>> = {}) {
  const name = `kv-events-${runs++}`;
  const port = await freePorts();
  const bridge = await Bridge.start({
    ZMQ_PORT: String(port),
    SINKS: 'redis,kafka',
    REDIS_URL: redis.url,
    REDIS_STREAM: name,
    KAFKA_BROKERS: kafka.brokers.join(','),
    KAFKA_TOPIC: name,
    // A bridge of one name goes on where its checkpoints end: each here is a new one.
    KAFKA_CHECKPOINT_TOPIC: `${name}.checkpoints`,
    KAFKA_CREATE_TOPICS: 'true',
    DEGRADED_AFTER: '0',
    ...env,
  });
  running.push(bridge);
  await bridge.ready();
  const delivered = (sink: string) => bridge.metric('kv_event_bridge_sink_records_delivered_total', `sink="${sink}"`);
  const inRedis = async () => parseRecords(await recordsIn(redis.admin, name));
  const inKafka = async () => parseRecords((await readTopic(kafka.brokers, name)).map(({ value }) => value));
  return { bridge, port, delivered, inRedis, inKafka };
}

function engine(port: number, ...args: string[]) {
  const file = join(folder, `truth-${runs++}.jsonl`);
  const program = new Program('simulate', {
    args: ['--connect', `tcp://127.0.0.1:${port}`, '--truth', file, '--hold', '0', ...args],
  });
  running.push(program);
  return {
    program,
    truth: () => readTruth(file),
    ended: async () => expect(await program.exited, program.stderr).toBe(0),
  };
}

describe('Redis and Kafka at once', () => {
  it('each hold every event of every engine, in order, none twice', async () => {
    const { bridge, port, inRedis, inKafka } = await bridgeInto();
    const engines = [
      engine(port, '--pod', 'map', '--scenario', 'mixed', '--count', '150', '--rate', '0'),
      engine(
        port,
        '--pod',
        'array',
        '--scenario',
        'mixed',
        '--encoding',
        'array',
        '--count',
        '150',
        '--rate',
        '0',
        '--hash',
        'bytes',
      ),
      engine(port, '--pod', 'signed', '--scenario', 'encodings', '--hash', 'signed', '--count', '80', '--rate', '0'),
    ];
    await Promise.all(engines.map(({ ended }) => ended()));
    const truth = engines.flatMap((one) => one.truth());
    await waitFor(async () => (await bridge.metric('kv_event_bridge_source_frames_total')) >= truth.length, {
      what: 'all frames came',
      timeout: 30_000,
    });
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    const stored = { redis: await inRedis(), kafka: await inKafka() };
    for (const records of Object.values(stored)) {
      const counts = compareTruth(truth, records);
      expect(counts).toMatchObject({ streams: 3, batches: 380 });
      expect(counts.events).toBeGreaterThan(380);
      expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    }
    expect(new Set(stored.redis.map(({ id }) => id))).toEqual(new Set(stored.kafka.map(({ id }) => id)));
  });

  it('hold the frames that real engines sent, as these sent them', async () => {
    const { bridge, port, inRedis, inKafka } = await bridgeInto();
    let sent = 0;
    for (const name of readdirSync(fixtures).filter((file) => file.endsWith('.jsonl'))) {
      const publisher = RawPublisher.connect(`tcp://127.0.0.1:${port}`);
      await publisher.subscribed();
      for (const frames of liveFrames(join(fixtures, name))) {
        // The engines published one after the other under one topic: each its own, so that they are told apart.
        const [topic = Buffer.alloc(0), ...rest] = frames;
        await publisher.send(Buffer.concat([topic, Buffer.from(`-${name}`)]), ...rest);
        sent += 1;
      }
      await waitFor(async () => (await bridge.metric('kv_event_bridge_source_frames_total')) >= sent, {
        what: `the frames of ${name} came`,
      });
      publisher.close();
    }
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    expect(sent).toBeGreaterThan(80);
    const [fromRedis, fromKafka] = [await inRedis(), await inKafka()];
    expect(fromRedis.filter(({ type }) => ['StreamGap', 'Undecodable', 'StreamRestarted'].includes(type))).toEqual([]);
    expect(new Set(fromRedis.map(({ stream, seq }) => `${stream} ${seq}`)).size).toBe(sent);
    expect(fromKafka.map((record) => JSON.stringify(record)).sort()).toEqual(
      fromRedis.map((record) => JSON.stringify(record)).sort(),
    );
  });
});

/** For how long a store is dead; the long form is `OUTAGE_SECONDS=30 npx vitest run test/e2e/stores.test.ts -t outage`. */
const outageSeconds = Number(process.env['OUTAGE_SECONDS'] ?? 2);
/** Batches per second. */
const rate = 200;

describe('an outage of one store', () => {
  it.each(['redis', 'kafka'] as const)(
    '%s killed and restarted under load: nothing is lost, and the other does not pause',
    async (victim) => {
      const { bridge, port, delivered, inRedis, inKafka } = await bridgeInto();
      const other = victim === 'redis' ? 'kafka' : 'redis';
      const service = victim === 'redis' ? redis : kafka;
      const count = (outageSeconds + 8) * rate;
      const load = engine(port, '--scenario', 'decode', '--count', `${count}`, '--rate', `${rate}`);
      await waitFor(async () => (await delivered(victim)) > 100, { what: 'events flow' });
      await service.kill();
      const before = { victim: await delivered(victim), other: await delivered(other) };
      await waitFor(async () => (await delivered(other)) > before.other + outageSeconds * rate, {
        what: `${other} goes on while ${victim} is dead`,
        timeout: outageSeconds * 2_000 + 30_000,
      });
      expect(await delivered(victim)).toBeLessThan(before.victim + rate);
      expect(await bridge.isReady()).toBe(false);
      await service.start();
      await load.ended();
      await bridge.ready();
      await waitFor(async () => (await delivered(victim)) > count, {
        what: `${victim} has caught up`,
        timeout: 60_000,
      });
      expect(await bridge.stop(), bridge.stderr).toBe(0);
      for (const [store, records] of Object.entries({ redis: await inRedis(), kafka: await inKafka() })) {
        const { unique, repeated } = withoutRepeats(records);
        expect(compareTruth(load.truth(), unique)).toMatchObject({ events: count, gaps: 0 });
        console.info(
          `${victim} dead for ${outageSeconds} s: ${store} has ${count} of ${count} events, ${repeated} twice`,
        );
      }
    },
    180_000 + outageSeconds * 3_000,
  );
});

describe('a store that hangs, with whenFull: drop', () => {
  it('gets the numbers it missed as StreamGap records, in their place; the other store misses nothing', async () => {
    const { bridge, port, delivered, inRedis, inKafka } = await bridgeInto({
      REDIS_WHEN_FULL: 'drop',
      REDIS_LANE_BYTES: '64KiB',
    });
    const load = engine(port, '--scenario', 'decode', '--count', '1500', '--rate', '300');
    await waitFor(async () => (await delivered('redis')) > 100, { what: 'events flow' });
    await redis.pause();
    const dropped = () => bridge.metric('kv_event_bridge_sink_records_dropped_total', 'sink="redis"');
    await waitFor(async () => (await dropped()) > 200, { what: 'the lane drops', timeout: 30_000 });
    await redis.resume();
    await load.ended();
    await waitFor(async () => (await delivered('kafka')) >= 1501, { what: 'Kafka has it all', timeout: 30_000 });
    await bridge.ready();
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    const { unique } = withoutRepeats(await inRedis());
    const gaps = unique.filter(({ type }) => type === 'StreamGap');
    expect(gaps.length).toBeGreaterThan(0);
    expect(unique.filter(({ type }) => type === 'BlockStored').length).toBeGreaterThan(100);
    compareTruth(load.truth(), unique, { allowLost: true });
    expect(compareTruth(load.truth(), withoutRepeats(await inKafka()).unique)).toMatchObject({ events: 1500, gaps: 0 });
  }, 120_000);
});

describe('memory', () => {
  it('stays below the container limit of 512 MiB while a store hangs under full load', async () => {
    const { bridge, port, delivered } = await bridgeInto();
    const loads = ['a', 'b'].map((pod) =>
      engine(port, '--pod', pod, '--scenario', 'prefill', '--count', '0', '--rate', '0'),
    );
    await waitFor(async () => (await delivered('redis')) > 50, { what: 'events flow' });
    await redis.pause();
    const limit = 33_554_432;
    const lane = () => bridge.metric('kv_event_bridge_lane_bytes', 'sink="redis"');
    await waitFor(async () => (await lane()) > 0.98 * limit, { what: 'the lane is full', timeout: 90_000 });
    let peak = 0;
    for (let sample = 0; sample < 40; sample += 1) {
      peak = Math.max(peak, bridge.memory());
      await sleep(250);
    }
    expect(await lane()).toBeLessThanOrEqual(limit);
    await redis.resume();
    await Promise.all(loads.map(({ program }) => program.stop('SIGKILL')));
    const mebibytes = Math.round(peak / 1_048_576);
    console.info(`peak resident memory with a hung store under full load: ${mebibytes} MiB`);
    expect(mebibytes).toBeLessThan(512);
    await bridge.stop();
  }, 180_000);
});

function* liveFrames(file: string): Generator<Buffer[]> {
  for (const line of linesOf(readFileSync(file, 'utf8'))) {
    const { kind, frames_hex } = JSON.parse(line) as { kind: string; frames_hex?: string[] };
    if (kind === 'live') yield (frames_hex ?? []).map((hex) => Buffer.from(hex, 'hex'));
  }
}
