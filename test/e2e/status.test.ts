import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SinkStatus, Status } from '../../src/core/status.ts';
import { freePorts } from '../support/ports.ts';
import { assertStatus } from '../support/schema.ts';
import type { RedisService } from '../support/services/redis.ts';
import { startRedis } from '../support/services/redis.ts';
import { waitFor } from '../support/services/service.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { RawPublisher } from '../support/zmq.ts';
import { Bridge, Program } from './bridge.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-status-'));
let redis: RedisService;
let bridges: Bridge[] = [];
let publishers: RawPublisher[] = [];
let proxies: TcpProxy[] = [];
let programs: Program[] = [];

beforeAll(async () => {
  redis = await startRedis();
}, 120_000);
afterEach(async () => {
  for (const publisher of publishers) publisher.close();
  await Promise.all([...bridges, ...programs].map((program) => program.stop('SIGKILL')));
  await Promise.all(proxies.map((proxy) => proxy.close()));
  publishers = [];
  bridges = [];
  programs = [];
  proxies = [];
});
afterAll(async () => {
  await redis?.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function start(env: Readonly<Record<string, string>>): Promise<{ bridge: Bridge; publisher: RawPublisher }> {
  const port = await freePorts();
  const bridge = await Bridge.start({ ZMQ_PORT: String(port), CHECKPOINT_WAIT: '0', ...env });
  bridges.push(bridge);
  const publisher = RawPublisher.connect(`tcp://127.0.0.1:${port}`);
  publishers.push(publisher);
  await publisher.subscribed();
  return { bridge, publisher };
}

async function proxiedRedis(): Promise<{ proxy: TcpProxy; env: Readonly<Record<string, string>> }> {
  const proxy = await TcpProxy.listen(redis.port);
  proxies.push(proxy);
  const times = { REDIS_CONNECT_TIMEOUT: '300ms', REDIS_COMMAND_TIMEOUT: '300ms', REDIS_RETRY_MAX: '200ms' };
  return { proxy, env: { SINKS: 'redis', REDIS_URL: `redis://127.0.0.1:${proxy.port}`, ...times } };
}

/** Its connections break, and new ones bring no answer. */
function takeAway(proxy: TcpProxy): void {
  proxy.swallow(true);
  proxy.cut();
}

function bringBack(proxy: TcpProxy): void {
  proxy.swallow(false);
  proxy.cut();
}

async function statusOf(bridge: Bridge, query = ''): Promise<Status> {
  const { status, body } = await bridge.get(`/statusz${query}`);
  expect(status).toBe(200);
  const document: unknown = JSON.parse(body);
  assertStatus(document);
  return document;
}

/** Asks until it is as it should be. */
async function until(bridge: Bridge, what: string, isIt: (status: Status) => boolean): Promise<Status> {
  let last = await statusOf(bridge);
  const check = async () => {
    last = await statusOf(bridge);
    return isIt(last);
  };
  try {
    await waitFor(check, { what, timeout: 30_000 });
  } catch (error) {
    throw new Error(`${what}: ${JSON.stringify(last)}`, { cause: error });
  }
  return last;
}

const sinkOf = ({ sinks }: Status): SinkStatus => sinks[0] as SinkStatus;

function number(seq: number): Buffer {
  const frame = Buffer.alloc(8);
  frame.writeBigUInt64BE(BigInt(seq));
  return frame;
}

const stored = (tokens: readonly number[] = [1, 2]) => ['BlockStored', [7], null, tokens, 2, null, 'GPU', null];

/** At one moment: the same number twice is then the same batch twice. */
async function publish(publisher: RawPublisher, topic: string, seqs: readonly number[], events = [stored()]) {
  const payload = encode([Date.now() / 1_000, events, 0]);
  for (const seq of seqs) await publisher.send(topic, number(seq), payload);
}

describe('/statusz of a running bridge', () => {
  it('is exact, and degraded with the missing numbers once some never came', async () => {
    const { bridge, publisher } = await start({ SINKS: 'file', FILE_DIR: join(folder, 'gap'), BRIDGE_NAME: 'fleet-a' });
    await publish(publisher, 'kv@pod-1@model', [0, 1, 2]);
    await publish(publisher, 'other', [5]);
    const exact = await until(bridge, 'all is settled', (status) => status.sinks[0]?.records_delivered === 6);
    expect(exact).toMatchObject({ name: 'fleet-a', role: 'active', ready: true, reasons: [], completeness: 'exact' });
    expect(exact.sources).toEqual([
      expect.objectContaining({
        ...{ name: 'zmq', mode: 'bind', transport: 'zmtp', state: 'open', peers: 1, frames: 4, batches: 4 },
        ...{ undecodable: 0, duplicates: 0, last_trouble: null, last_frame_at: expect.any(Number) },
        events: { BlockStored: 4, BlockRemoved: 0, AllBlocksCleared: 0, other: 0 },
      }),
    ]);
    expect(Math.abs(exact.sources[0]?.clock_skew_seconds ?? Number.NaN)).toBeLessThan(60);
    expect(exact.streams).toMatchObject({ known: 2, shown: 2 });
    const pod = exact.streams.items.find(({ topic }) => topic === 'kv@pod-1@model');
    const { epoch = 0 } = pod ?? {};
    expect(pod).toEqual({
      ...{ id: 'zmq/kv@pod-1@model/0', source: 'zmq', topic: 'kv@pod-1@model', pod: 'pod-1', model: 'model' },
      ...{ rank: '0', peer: expect.stringContaining('127.0.0.1'), state: 'live', completeness: 'exact' },
      ...{ epoch: expect.any(Number), seq: '2', last_event_at: expect.any(Number), events: 3, gaps: 0 },
      ...{ missing: '0', recovered: '0', restarts: 0, duplicates: 0, undecodable: 0 },
      sinks: { file: { epoch, seq: '2' } },
    });
    expect(sinkOf(exact)).toMatchObject({
      ...{ name: 'file', state: 'up', code: null, message: null, kind: null, delivery: null, lag_seconds: 0 },
      lane: { bytes: 0, limit_bytes: 33_554_432, records: 0, batches: 0 },
      accounting: { received: 4, delivered: 4, queued: 0, duplicate: 0 },
    });
    expect(exact.weakened.map(({ setting }) => setting)).toContain('replay.endpoint');

    await publish(publisher, 'kv@pod-1@model', [12, 12]);
    const degraded = await until(bridge, 'the gap shows', ({ completeness }) => completeness === 'degraded');
    const [worst, best] = degraded.streams.items;
    expect(worst).toMatchObject({ completeness: 'degraded', gaps: 1, missing: '9', seq: '12', state: 'live' });
    expect(best).toMatchObject({ topic: 'other', completeness: 'exact' });
    expect(degraded.recent_controls[0]).toMatchObject({ type: 'StreamGap', missing: '9', from_seq: '3', to_seq: '11' });
    await until(bridge, 'the repeated frame is counted', ({ sources }) => sources[0]?.duplicates === 1);
    expect(await bridge.metric('kv_event_bridge_streams_by_completeness', 'completeness="degraded"')).toBe(1);
    expect(await bridge.metric('kv_event_bridge_bridge_ready')).toBe(1);

    // Its next incarnation has lost nothing yet.
    await publish(publisher, 'kv@pod-1@model', [0]);
    await until(bridge, 'it is exact again', ({ completeness }) => completeness === 'exact');
  });

  it('shows as many streams as are asked for, the worst first, and those that are looked for', async () => {
    const { bridge, publisher } = await start({ SINKS: 'file', FILE_DIR: join(folder, 'many') });
    for (const pod of ['a', 'b', 'c']) await publish(publisher, `kv@${pod}@m`, [0]);
    await publish(publisher, 'kv@b@m', [2]);
    await publish(publisher, 'kv@c@m', [1]);
    await until(bridge, 'all came', ({ sources }) => sources[0]?.frames === 5);
    const podsOf = async (query: string) => (await statusOf(bridge, query)).streams.items.map(({ pod }) => pod);
    expect(await podsOf('')).toEqual(['b', 'c', 'a']);
    expect(await podsOf('?streams=2')).toEqual(['b', 'c']);
    expect(await podsOf('?streams=0')).toEqual([]);
    expect(await podsOf('?stream=@a@')).toEqual(['a']);
    expect(await statusOf(bridge, '?streams=0')).toMatchObject({
      completeness: 'degraded',
      streams: { known: 3, shown: 0 },
    });
  });

  it('hides what people typed in its control records', async () => {
    const { bridge, publisher } = await start({ SINKS: 'file', FILE_DIR: join(folder, 'hidden') });
    const bad = ['BlockStored', 'no hashes', null, [424_242], 2, null, 'GPU', null];
    await publish(publisher, 't', [0], [stored([313_131]), bad]);
    await publisher.send('t', number(1), Buffer.from('not msgpack 313131'));
    const status = await until(bridge, 'both are shown', ({ recent_controls }) => recent_controls.length === 3);
    expect(status.recent_controls.map(({ type }) => type)).toEqual(['Undecodable', 'Undecodable', 'StreamStarted']);
    expect(status.recent_controls.map((record) => 'raw' in record)).toEqual([false, false, false]);
    expect(status.streams.items[0]).toMatchObject({ undecodable: 2, events: 1 });
    expect(JSON.stringify(status)).not.toMatch(/424242|313131/);
  });

  it('has as many time series for 1 000 streams as for one', async () => {
    const { bridge, publisher } = await start({ SINKS: 'file', FILE_DIR: join(folder, 'series') });
    const series = async () => {
      const lines = (await bridge.get('/metrics')).body.split('\n');
      return lines
        .filter((line) => line.startsWith('kv_event_bridge_'))
        .map((line) => line.slice(0, line.lastIndexOf(' ')));
    };
    const settled = (streams: number) =>
      until(bridge, `${streams} streams are settled`, (status) => sinkOf(status).accounting.delivered === 2 * streams);
    await publish(publisher, 'kv@pod-0@model', [0, 2]);
    await settled(1);
    const one = await series();
    for (let pod = 1; pod < 1_000; pod += 1) await publish(publisher, `kv@pod-${pod}@model-${pod % 7}`, [0, 2]);
    await settled(1_000);
    expect((await statusOf(bridge)).streams).toMatchObject({ known: 1_000, shown: 1_000 });
    expect(await series()).toEqual(one);
  });
});

describe('/statusz of a standby', () => {
  it('says that it waits, without sources that are open and without streams', async () => {
    const exact = { ...{ SINKS: 'redis', REDIS_URL: redis.url, BRIDGE_NAME: 'pair' }, REDIS_DELIVERY: 'exactly-once' };
    const { bridge, publisher } = await start({ ...exact, REDIS_STREAM: 'pair-events' });
    await publish(publisher, 't', [0]);
    await until(bridge, 'the active one works', (status) => status.streams.known === 1);
    const http = await freePorts();
    const standby = new Program('run', {
      env: { ...exact, REDIS_STREAM: 'pair-events', STANDBY: 'true', HTTP_PORT: String(http), ZMQ_PORT: '0' },
    });
    programs.push(standby);
    const answer = async (path: string) => fetch(`http://127.0.0.1:${http}${path}`);
    const isReady = () =>
      answer('/readyz').then(
        ({ status }) => status === 200,
        () => false,
      );
    await waitFor(isReady, { what: 'the standby is ready', timeout: 30_000 });
    const document: unknown = await (await answer('/statusz')).json();
    assertStatus(document);
    expect(document).toMatchObject({
      ...{ name: 'pair', role: 'standby', ready: true, reasons: [], completeness: 'exact', recent_controls: [] },
      sources: [{ name: 'zmq', state: 'closed', frames: 0, last_frame_at: null, clock_skew_seconds: null }],
      streams: { known: 0, shown: 0, items: [] },
      sinks: [{ name: 'redis', delivery: 'exactly-once', last_settled_at: null, lag_seconds: 0 }],
    });
  });
});

describe('a bridge whose sink goes away', () => {
  it('stays ready during an outage shorter than degradedAfter, and writes everything once the sink is back', async () => {
    const { proxy, env } = await proxiedRedis();
    const { bridge, publisher } = await start({ ...env, DEGRADED_AFTER: '1h' });
    await publish(publisher, 't', [0]);
    await until(bridge, 'the sink has it', (status) => sinkOf(status).accounting.delivered === 1);
    takeAway(proxy);
    await publish(publisher, 't', [1, 2]);
    const away = await until(bridge, 'the sink is down', (status) => sinkOf(status).state === 'down');
    expect(away).toMatchObject({ ready: true, reasons: [], completeness: 'exact' });
    expect(sinkOf(away)).toMatchObject({ kind: 'transient', code: expect.any(String), message: expect.any(String) });
    expect(away.streams.items[0]?.sinks['redis']).toMatchObject({ seq: '0' });
    await until(bridge, 'it lags behind', (status) => sinkOf(status).lag_seconds > 0);
    expect((await bridge.get('/readyz')).status).toBe(200);
    expect(await bridge.metric('kv_event_bridge_sink_errors_total', 'class="transient"')).toBeGreaterThan(0);
    bringBack(proxy);
    const back = await until(bridge, 'all is written', (status) => sinkOf(status).accounting.delivered === 3);
    expect(back.streams.items[0]?.sinks['redis']).toMatchObject({ seq: '2' });
    expect(sinkOf(back)).toMatchObject({ lag_seconds: 0, lane: { batches: 0 } });
  });

  it('is not ready after a short degradedAfter, says why, and lives on', async () => {
    const { proxy, env } = await proxiedRedis();
    const { bridge, publisher } = await start({ ...env, DEGRADED_AFTER: '200ms' });
    await bridge.ready();
    takeAway(proxy);
    await publish(publisher, 't', [0]);
    const away = await until(bridge, 'it is not ready', ({ ready }) => !ready);
    expect(away.reasons).toEqual([expect.stringMatching(/^sink redis: /)]);
    const answer = await bridge.get('/readyz');
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      503,
      expect.objectContaining({ ready: false, reasons: away.reasons }),
    ]);
    expect((await bridge.get('/livez')).status).toBe(200);
    expect(await bridge.metric('kv_event_bridge_bridge_ready')).toBe(0);
    bringBack(proxy);
    await bridge.ready();
  });

  it('is not ready at once with a sink that never connected', async () => {
    const { bridge } = await start({
      SINKS: 'redis',
      REDIS_URL: `redis://127.0.0.1:${await freePorts()}`,
      DEGRADED_AFTER: '1h',
    });
    const status = await until(bridge, 'the sink is down', (one) => sinkOf(one).state === 'down');
    expect(status).toMatchObject({ ready: false, reasons: [expect.stringContaining('sink redis')] });
  });

  it('is not ready at once where somebody has to mend the destination', async () => {
    await redis.admin.set('kv-events-taken', 'no stream');
    const { bridge, publisher } = await start({
      ...{ SINKS: 'redis', REDIS_URL: redis.url, REDIS_STREAM: 'kv-events-{model}', DEGRADED_AFTER: '1h' },
    });
    await publish(publisher, 'kv@p@free', [0]);
    await until(bridge, 'the sink works', (status) => sinkOf(status).accounting.delivered === 1);
    await publish(publisher, 'kv@p@taken', [0]);
    const status = await until(bridge, 'the sink is down', (one) => sinkOf(one).state === 'down');
    expect(sinkOf(status)).toMatchObject({ kind: 'destination', code: 'WRONGTYPE' });
    expect(status.ready).toBe(false);
  });

  it('counts how long reading waits for a full lane, while it waits', async () => {
    const { proxy, env } = await proxiedRedis();
    const { bridge, publisher } = await start({ ...env, REDIS_LANE_BYTES: '64KiB' });
    await bridge.ready();
    takeAway(proxy);
    for (let seq = 0; seq < 300; seq += 1) await publish(publisher, 't', [seq]);
    const waits = (seconds: number) => (status: Status) => sinkOf(status).backpressure_seconds > seconds;
    const first = await until(bridge, 'reading waits', waits(0.2));
    expect(sinkOf(first).lane.bytes).toBeGreaterThan(0);
    await until(bridge, 'it waits on', waits(sinkOf(first).backpressure_seconds + 0.3));
    expect(await bridge.metric('kv_event_bridge_sink_backpressure_seconds_total')).toBeGreaterThan(0.5);
    bringBack(proxy);
    await until(bridge, 'all is written', (status) => sinkOf(status).accounting.delivered === 300);
  });
});
