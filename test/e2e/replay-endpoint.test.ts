import { encode } from '@msgpack/msgpack';
import { afterEach, describe, expect, it } from 'vitest';
import { Router } from 'zeromq';
import { ReplayServer, sequenceFrame } from '../../src/simulator/replay.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import { RawPublisher } from '../support/zmq.ts';
import { Bridge } from './bridge.ts';
import type { StoredRecord } from './records.ts';
import { linesOf, parseRecords } from './records.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const topic = 'kv@127.0.0.1:8000@model';
const at = (port: number) => `tcp://127.0.0.1:${port}`;
const payloadOf = (seq: number) => Buffer.from(encode([1_763_800_000 + seq, [['BlockRemoved', [seq]]], 0]));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function startBridge(env: Record<string, string>): Promise<Bridge> {
  const bridge = await Bridge.start(env);
  cleanups.push(() => bridge.stop('SIGKILL'));
  return bridge;
}

/** A replay socket that has these batches. */
async function serve(port: number, seqs: readonly number[]): Promise<void> {
  const server = new ReplayServer({ endpoint: at(port), bufferBatches: 10_000, topic });
  for (const seq of seqs) server.remember({ sequence: BigInt(seq), payload: payloadOf(seq) });
  await server.open();
  cleanups.push(() => server.close());
}

async function publisherOf(make: () => Promise<RawPublisher> | RawPublisher): Promise<RawPublisher> {
  const publisher = await make();
  cleanups.push(() => publisher.close());
  await publisher.subscribed();
  return publisher;
}

async function sendAll(publisher: RawPublisher, seqs: readonly number[]): Promise<void> {
  for (const seq of seqs) await publisher.send(topic, sequenceFrame(BigInt(seq)), payloadOf(seq));
}

const recordsOf = (bridge: Bridge) => parseRecords(linesOf(bridge.stdout));
const ofType = (records: readonly StoredRecord[], type: string) => records.filter((record) => record.type === type);
const eventSeqs = (records: readonly StoredRecord[]) => ofType(records, 'BlockRemoved').map(({ seq }) => Number(seq));

const hasSeq = (bridge: Bridge, seq: number) =>
  waitFor(() => eventSeqs(recordsOf(bridge)).includes(seq), { what: `number ${seq} came` });

describe('replay', () => {
  it('fills the gaps of an engine that dials in, at the address of its topic', async () => {
    const [port, replay] = [await freePorts(), await freePorts()];
    await serve(replay, range(0, 20));
    const bridge = await startBridge({
      ZMQ_PORT: String(port),
      REPLAY_ENDPOINT: `tcp://{pod_host}:${replay}`,
      REPLAY_ALLOW: '127.0.0.0/8',
    });
    const publisher = await publisherOf(() => RawPublisher.connect(at(port)));
    await sendAll(publisher, [0, 1, 2, 7, 8, 9, 19, 20]);
    await hasSeq(bridge, 20);
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    const records = recordsOf(bridge);
    expect(eventSeqs(records)).toEqual(range(0, 20));
    expect(ofType(records, 'StreamGap')).toEqual([]);
    expect(ofType(records, 'StreamRecovered').map(({ from_seq, to_seq }) => [from_seq, to_seq])).toEqual([
      ['3', '6'],
      ['10', '18'],
    ]);
  });

  it('brings what a connected engine sent before the bridge came', async () => {
    const [port, replay] = [await freePorts(), await freePorts()];
    await serve(replay, range(0, 12));
    const binding = RawPublisher.bind(at(port));
    const sources = [{ name: 'engine-7', connect: at(port), replay: at(replay) }];
    const bridge = await startBridge({ SOURCES: JSON.stringify(sources) });
    const publisher = await publisherOf(() => binding);
    await sendAll(publisher, [10, 11, 12]);
    await hasSeq(bridge, 12);
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    expect(eventSeqs(recordsOf(bridge))).toEqual(range(0, 12));
    expect(bridge.stderr).toContain(`what is missing is asked for at ${at(replay)}`);
  });

  it('asks nobody outside the allowed networks: the gap is recorded', async () => {
    const [port, replay] = [await freePorts(), await freePorts()];
    await serve(replay, range(0, 5));
    const bridge = await startBridge({
      ZMQ_PORT: String(port),
      REPLAY_ENDPOINT: `tcp://{pod_host}:${replay}`,
      REPLAY_ALLOW: '10.0.0.0/8',
    });
    const publisher = await publisherOf(() => RawPublisher.connect(at(port)));
    await sendAll(publisher, [0, 1, 4, 5]);
    await hasSeq(bridge, 5);
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    const records = recordsOf(bridge);
    expect(eventSeqs(records)).toEqual([0, 1, 4, 5]);
    expect(ofType(records, 'StreamGap')).toEqual([
      expect.objectContaining({ from_seq: '2', to_seq: '3', reason: 'no_replay' }),
    ]);
  });

  it('is given up at the stop, and every frame that waited for it is written', async () => {
    const { bridge, records } = await stopWhileHeld({ DRAIN_TIMEOUT: '1h' });
    expect(bridge.exitCode, bridge.stderr).toBe(0);
    expect(eventSeqs(records)).toEqual([0, ...held]);
    expect(ofType(records, 'StreamGap')).toEqual([expect.objectContaining({ from_seq: '1', to_seq: '4' })]);
  });

  it('is given up at the stop, and what waited for it is counted where the sink cannot take it in time', async () => {
    const nobody = await freePorts();
    const { bridge } = await stopWhileHeld({
      ...{
        SINKS: 'redis',
        REDIS_URL: `redis://127.0.0.1:${nobody}`,
        REDIS_LANE_BYTES: '64KiB',
        DRAIN_TIMEOUT: '100ms',
        CHECKPOINT_WAIT: '0',
      },
    });
    expect(bridge.exitCode).toBe(1);
    // StreamStarted, StreamGap, and two events of each frame.
    expect(bridge.log.at(-1)).toMatchObject({ undelivered: { redis: 2 + 2 * (1 + held.length) } });
  });
});

const held = [5, 6, 7, 8];

/** Stops a bridge that has a gap, a replay socket that never answers, and more frames behind the gap than it may hold. */
async function stopWhileHeld(env: Record<string, string>) {
  const [port, replay] = [await freePorts(), await freePorts()];
  const silent = new Router({ linger: 0 });
  await silent.bind(at(replay));
  cleanups.push(() => silent.close());
  const asked = silent.receive();
  const started = await startBridge({
    ZMQ_PORT: String(port),
    REPLAY_ENDPOINT: at(replay),
    // So little that the source waits for the replay: the stop must not.
    REPLAY_HELD_BYTES: '64KiB',
    // Without the stop it would go on for minutes.
    REPLAY_PAUSE: '60s',
    ...env,
  });
  const publisher = await publisherOf(() => RawPublisher.connect(at(port)));
  const padding = 'x'.repeat(20_000);
  for (const seq of [0, ...held]) {
    const payload = Buffer.from(
      encode([
        seq,
        [
          ['BlockRemoved', [seq]],
          ['Padding', padding],
        ],
        0,
      ]),
    );
    await publisher.send(topic, sequenceFrame(BigInt(seq)), payload);
  }
  await asked;
  await waitFor(async () => (await started.metric('kv_event_bridge_source_frames_total')) === 1 + held.length, {
    what: 'all frames are read',
  });
  expect(eventSeqs(recordsOf(started)).filter((seq) => held.includes(seq))).toEqual([]);
  const exitCode = await started.stop();
  return { bridge: { exitCode, stderr: started.stderr, log: started.log }, records: recordsOf(started) };
}
