import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterAll, describe, expect, it } from 'vitest';
import { ReplayServer, sequenceFrame } from '../../src/simulator/replay.ts';
import type { TruthLine } from '../../src/simulator/truth.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import { compareTruth } from '../support/truth.ts';
import { RawPublisher } from '../support/zmq.ts';
import { Bridge, Program } from './bridge.ts';
import { linesOf, parseRecords, readTruth } from './records.ts';
import { track } from './track.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-e2e-replay-'));
let files = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const endpoint = (port: number) => `tcp://127.0.0.1:${port}`;

/** A fake engine with a replay socket. */
function engineWith(...args: string[]) {
  const truth = join(folder, `${files++}-truth.jsonl`);
  const engine = track(new Program('simulate', { args: ['--truth', truth, ...args] }));
  const count = () => (existsSync(truth) ? linesOf(readFileSync(truth, 'utf8')).length : 0);
  return { engine, count, published: () => readTruth(truth) };
}

describe('an engine that published before the bridge came', () => {
  it.each([
    ['in the framing of today', []],
    ['in the framing of vLLM up to v0.25', ['--replay-without-topic']],
  ])(
    'is recovered from its first batch %s, to a connected source',
    async (_, flags) => {
      const [port, replay] = [await freePorts(), await freePorts()];
      const { engine, count, published } = engineWith(
        ...['--bind', endpoint(port), '--replay', endpoint(replay), '--scenario', 'decode', '--seed', '5', ...flags],
        ...['--count', '3000', '--rate', '600', '--settle', '0', '--hold', '60s'],
      );
      await waitFor(() => count() >= 500, { what: 'the engine has published a part', timeout: 20_000 });
      const config = join(folder, `${files++}-bridge.yaml`);
      const source = { name: 'engine', connect: endpoint(port), replay: endpoint(replay) };
      writeFileSync(config, JSON.stringify({ sources: [source] }));
      const bridge = track(await Bridge.start({ CONFIG: config }));
      await waitFor(async () => (await bridge.metric('kv_event_bridge_sink_records_delivered_total')) >= 3_002, {
        what: 'all came',
        timeout: 40_000,
      });
      expect(await bridge.metric('kv_event_bridge_replay_recovered_batches_total')).toBeGreaterThanOrEqual(500);
      expect(await bridge.stop(), bridge.stderr).toBe(0);
      await engine.stop();
      const records = parseRecords(linesOf(bridge.stdout));
      expect(compareTruth(published(), records)).toMatchObject({ streams: 1, batches: 3_000, gaps: 0 });
      expect(records.filter(({ type }) => type.startsWith('Stream')).map(({ type }) => type)).toEqual([
        'StreamStarted',
        'StreamRecovered',
      ]);
    },
    90_000,
  );
});

/** A publisher whose queue drops what is too much, as vLLM's does, and that answers replays of all it has sent. */
class DroppingEngine {
  readonly truth: TruthLine[] = [];
  readonly #publisher: RawPublisher;
  readonly #replay: ReplayServer;
  readonly #topic = 'kv@127.0.0.1@org/model';

  private constructor(publisher: RawPublisher, replay: ReplayServer) {
    this.#publisher = publisher;
    this.#replay = replay;
  }

  static async start(port: number, replayPort: number): Promise<DroppingEngine> {
    const publisher = RawPublisher.connect(endpoint(port), { sendHighWaterMark: 10 });
    const options = { endpoint: endpoint(replayPort), bufferBatches: 10_000, topic: null };
    const engine = new DroppingEngine(publisher, new ReplayServer(options));
    await engine.#replay.open();
    await publisher.subscribed();
    return engine;
  }

  async publish(): Promise<void> {
    const sequence = BigInt(this.truth.length);
    const hashes = Array.from({ length: 500 }, (_, index) => BigInt(index) + 2n ** 60n + sequence);
    const ts = 1_763_800_000.5 + this.truth.length;
    const payload = Buffer.from(encode([ts, [['BlockRemoved', hashes, 'GPU']], 0], { useBigInt64: true }));
    this.#replay.remember({ sequence, payload });
    const event = { type: 'BlockRemoved', block_hashes: hashes.map(String), medium: 'GPU' } as const;
    this.truth.push({ topic: this.#topic, sequence: String(sequence), data_parallel_rank: 0, ts, events: [event] });
    await this.#publisher.send(this.#topic, sequenceFrame(sequence), payload);
  }

  async close(): Promise<void> {
    this.#publisher.close();
    await this.#replay.close();
  }
}

describe('batches dropped on the way because nobody read them', () => {
  it.each([
    ['the address in the topic', '{pod_host}', { REPLAY_ALLOW: '127.0.0.0/8' }],
    ['the address that the engine dials in from', '{peer}', {}],
  ])(
    'are recovered through %s, each in its place',
    async (_, host, allowed) => {
      const [port, replay] = [await freePorts(), await freePorts()];
      const env = {
        ...{ ZMQ_PORT: String(port), ZMQ_RECEIVE_HIGH_WATER_MARK: '10', STDOUT_LANE_BYTES: '64KiB' },
        ...{ REPLAY_ENDPOINT: `tcp://${host}:${replay}`, ...allowed },
      };
      const bridge = track(await Bridge.start(env));
      const engine = await DroppingEngine.start(port, replay);
      try {
        bridge.child.stdout?.pause();
        for (let sent = 0; sent < 4_000; sent++) await engine.publish();
        bridge.child.stdout?.resume();
        const mark = engine.truth.length;
        // A loss at the very end shows only when something follows it.
        await waitFor(
          async () => {
            await engine.publish();
            return bridge.stdout.includes(`"seq":"${mark}"`);
          },
          { what: 'what is published now comes', timeout: 60_000, every: 300 },
        );
        expect(await bridge.metric('kv_event_bridge_replay_recovered_batches_total')).toBeGreaterThan(100);
        expect(await bridge.stop(), bridge.stderr).toBe(0);
      } finally {
        await engine.close();
      }
      const records = parseRecords(linesOf(bridge.stdout));
      const last = records.findLast(({ seq }) => seq !== null)?.seq;
      const truth = engine.truth.filter(({ sequence }) => BigInt(sequence) <= BigInt(last ?? 0));
      expect(compareTruth(truth, records)).toMatchObject({ batches: truth.length, gaps: 0 });
    },
    120_000,
  );
});
