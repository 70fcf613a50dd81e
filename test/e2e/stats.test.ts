import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { StatsReport } from '../../src/stats/stats.ts';
import { freePorts } from '../support/ports.ts';
import type { RecordStore } from '../support/record-stores.ts';
import { RecordStores } from '../support/record-stores.ts';
import { waitFor } from '../support/services/service.ts';
import { RawPublisher } from '../support/zmq.ts';
import { Bridge, Program } from './bridge.ts';
import { linesOf } from './records.ts';

/** What three engines publish, and next to it what has to be counted. */
const one = 'org/one';
const two = 'org/two';
const stored = (...hashes: number[]) => [
  ...['BlockStored', hashes, null, hashes.flatMap(() => [1, 2, 3, 4])],
  ...[4, null, 'GPU', null],
];
const removed = (...hashes: number[]) => ['BlockRemoved', hashes, 'GPU'];
const cleared = ['AllBlocksCleared'];

interface Sent {
  readonly topic: string;
  readonly seq: number;
  readonly ts: number;
  /** Null: what nobody can read. */
  readonly events: readonly unknown[] | null;
}

const sent = (publisher: string, seq: number, ts: number, events: Sent['events']): Sent => ({
  topic: `kv@${publisher}`,
  ...{ seq, ts, events },
});
const [a, b, c] = [`10.0.0.1@${one}`, `10.0.0.2@${one}`, `10.0.0.3@${two}`];

const frames: readonly Sent[] = [
  sent(a, 0, 1_000, [stored(1, 2)]),
  sent(b, 0, 1_000, [stored(1, 2)]),
  sent(a, 1, 1_010, [stored(3), removed(1)]),
  // 1 and 2 are missing: what became of this engine's blocks is not known.
  sent(b, 3, 1_020, [removed(2)]),
  // The same hash under another model is another block.
  sent(c, 0, 2_000, [stored(1)]),
  sent(c, 1, 2_030, [cleared]),
  sent(c, 2, 2_031, []),
  sent(c, 3, 2_032, null),
  // It restarts.
  sent(c, 0, 3_000, [stored(9)]),
];

const types = {
  ...{ BlockStored: 5, BlockRemoved: 2, AllBlocksCleared: 1, EmptyBatch: 1, Undecodable: 1 },
  ...{ StreamStarted: 3, StreamGap: 1, StreamRestarted: 1 },
};
const counted = {
  types,
  models: {
    [one]: { BlockStored: 3, BlockRemoved: 2, StreamStarted: 2, StreamGap: 1 },
    [two]: {
      ...{ BlockStored: 2, AllBlocksCleared: 1, EmptyBatch: 1, Undecodable: 1 },
      ...{ StreamStarted: 1, StreamRestarted: 1 },
    },
  },
  ...{ unreadable: 0, gaps: 1, missing: '2', unexplained: '0', recovered: '0', restarts: 1 },
  duplicates_exact: true,
  engine: { first: 1_000, last: 3_000, seconds: 2_000 },
  blocks: {
    stored_by_medium: { GPU: 7 },
    sizes: [{ block_size: 4, events: 5, blocks: 7, tokens: 28 }],
    lifetimes: { removed: 1, cleared: 1, still_stored: 3, end_unknown: 2, seconds: { max: 30 }, one_of: 1 },
    reuse: {
      ...{ stores: 7, distinct_blocks: 5, pods: 3, blocks_on_several_pods: 2, share_on_several_pods: 0.4 },
      blocks_by_pods: { 1: 3, 2: 2 },
    },
  },
};
const streams = {
  [`zmq/kv@10.0.0.1@${one}/0`]: { events: 3, epochs: 1, gaps: {}, missing: '0', last: { seq: '1' } },
  [`zmq/kv@10.0.0.2@${one}/0`]: { events: 2, epochs: 1, gaps: { no_replay: 1 }, missing: '2', last: { seq: '3' } },
  [`zmq/kv@10.0.0.3@${two}/0`]: { events: 3, epochs: 2, restarts: 1, undecodable: 1, last: { seq: '0' } },
};

const folder = mkdtempSync(join(tmpdir(), 'kv-stats-'));
const dir = join(folder, 'data');
const stores = new RecordStores();
let places: Readonly<Record<'redis' | 'kafka', RecordStore>>;

beforeAll(async () => {
  await stores.open();
  places = { redis: await stores.place('redis'), kafka: await stores.place('kafka') };
  const port = await freePorts();
  const bridge = await Bridge.start({
    ...places.redis.env,
    ...places.kafka.env,
    ...{ SINKS: 'file,redis,kafka', ZMQ_PORT: String(port), FILE_DIR: dir, FILE_RECORD: 'batch' },
    ...{ KAFKA_CREATE_TOPICS: 'true', KAFKA_LINGER: '0' },
  });
  const publisher = RawPublisher.connect(`tcp://127.0.0.1:${port}`);
  try {
    await publish(publisher);
    const written = (sink: string) => bridge.metric('kv_event_bridge_sink_records_delivered_total', `sink="${sink}"`);
    for (const [sink, records] of Object.entries({ file: 14, redis: 15, kafka: 15 }))
      await waitFor(async () => (await written(sink)) === records, { what: `${sink} has ${records} records` });
    expect(await bridge.stop(), bridge.stderr).toBe(0);
  } finally {
    publisher.close();
    await bridge.stop('SIGKILL');
  }
}, 300_000);

afterAll(async () => {
  await stores.close();
  rmSync(folder, { recursive: true, force: true });
});

async function publish(publisher: RawPublisher): Promise<void> {
  await publisher.subscribed();
  for (const { topic, seq, ts, events } of frames) {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(seq));
    await publisher.send(topic, number, events === null ? 'no msgpack' : Buffer.from(encode([ts, events, 0])));
  }
}

async function statsOf(
  input: string,
  env: Readonly<Record<string, string>> = {},
  stdin?: Buffer,
): Promise<StatsReport> {
  const program = new Program('stats', { args: [input, '--json'], env });
  program.child.stdin?.end(stdin);
  expect(await program.exited, program.stderr).toBe(0);
  return JSON.parse(program.stdout) as StatsReport;
}

function expectCounted(report: StatsReport, records: number, duplicates: number): void {
  expect(report).toMatchObject({ ...counted, records, duplicates });
  // Other names would pass the comparison above.
  expect(report.types).toEqual(types);
  const byId = Object.fromEntries(report.streams.items.map((stream) => [stream.id, stream]));
  expect(byId).toMatchObject(streams);
  expect(report.streams.known).toBe(3);
}

const segments = () => readdirSync(dir).filter((name) => name.endsWith('.ndjson'));
const segmentBytes = () => readFileSync(join(dir, segments()[0] ?? ''));

describe('stats counts what three engines have published', () => {
  it('in Redis and in Kafka, and duplicates by id', async () => {
    for (const sink of ['redis', 'kafka'] as const) {
      expectCounted(await statsOf(sink, places[sink].env), 15, 0);
      const text = await tailed(sink);
      // A control record, two events of one batch: as a rewind would write them again.
      const again = text.filter((line) => /10\.0\.0\.1@org\/one\/0@\d+\.(0\.StreamStarted|1\.\d)"/.test(line));
      expect(again).toHaveLength(3);
      await places[sink].append(again);
      expectCounted(await statsOf(sink, places[sink].env), 18, 3);
    }
  });

  it('in a folder, as a sink and as files, with one record per batch', async () => {
    expect(segments()).toHaveLength(1);
    expectCounted(await statsOf('file', { FILE_DIR: dir }), 14, 0);
    expectCounted(await statsOf(dir), 14, 0);
    expectCounted(await statsOf(join(dir, segments()[0] ?? '')), 14, 0);
  });

  it('on standard input, also where all is there twice', async () => {
    expectCounted(await statsOf('-', {}, segmentBytes()), 14, 0);
    expectCounted(await statsOf('-', {}, Buffer.concat([segmentBytes(), segmentBytes()])), 28, 14);
  });

  it('prints tables without --json', async () => {
    const program = new Program('stats', { args: [dir] });
    expect(await program.exited, program.stderr).toBe(0);
    expect(program.stdout).toMatch(/^gaps 1, missing 2 batches, recovered 0, restarts 1$/m);
    expect(program.stdout).toMatch(/7 stores of 5 different blocks on 3 pods; on several pods: 2 \(40\.0 %\)/);
  });

  it('stops when it is told to, says that this is not all, and ends with 1', async () => {
    const program = new Program('stats', { args: ['-'] });
    onTestFinished(async () => void (await program.stop('SIGKILL')));
    // More than a pipe holds: when it is taken, stats reads.
    const repeats = Math.ceil(1_000_000 / segmentBytes().length);
    await new Promise<void>((resolve) => {
      program.child.stdin?.write(Buffer.concat(Array.from({ length: repeats }, segmentBytes)), () => resolve());
    });
    expect(await program.stop('SIGINT'), program.stderr).toBe(1);
    expect(program.stderr).toContain('stopped before the end');
    expect(program.stdout).toContain('in 3 streams');
  });

  it.each([
    ['nowhere', 2, /neither a file or folder .*known: /],
    ['reddis', 2, /did you mean redis/],
  ])('says what %s is not', async (input, code, message) => {
    const program = new Program('stats', { args: [input] });
    expect(await program.exited).toBe(code);
    expect(program.stderr).toMatch(message);
  });

  async function tailed(sink: 'redis' | 'kafka'): Promise<readonly string[]> {
    const args = [sink, '--from', 'start', '--no-follow', '--tokens'];
    const program = new Program('tail', { args, env: places[sink].env });
    expect(await program.exited, program.stderr).toBe(0);
    return linesOf(program.stdout);
  }
});
