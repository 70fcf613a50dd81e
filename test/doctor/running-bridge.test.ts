import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../src/core/status.ts';
import { Bridge, Program } from '../e2e/bridge.ts';
import { freePorts } from '../support/ports.ts';
import type { RedisService } from '../support/services/redis.ts';
import { startRedis } from '../support/services/redis.ts';
import { waitFor } from '../support/services/service.ts';
import { RawPublisher } from '../support/zmq.ts';
import type { Diagnosis } from './support.ts';
import { diagnose } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-doctor-'));
const programs: Program[] = [];
const publishers: RawPublisher[] = [];
let redis: RedisService;

beforeAll(async () => {
  redis = await startRedis();
}, 120_000);
afterEach(async () => {
  for (const publisher of publishers.splice(0)) publisher.close();
  await Promise.all(programs.splice(0).map((program) => program.stop('SIGKILL')));
});
afterAll(async () => {
  await redis?.remove();
  rmSync(folder, { recursive: true, force: true });
});

type Env = Readonly<Record<string, string>>;

interface Running {
  readonly bridge: Bridge;
  /** What doctor needs to be run with the bridge's own configuration. */
  readonly env: Env;
}

async function start(given: Env): Promise<Running> {
  const [ZMQ_PORT, HTTP_PORT] = [String(await freePorts()), String(await freePorts())];
  const env = { ZMQ_PORT, HTTP_PORT, HTTP_HOST: '127.0.0.1', CHECKPOINT_WAIT: '0', ...given };
  const bridge = await Bridge.start(env);
  programs.push(bridge);
  return { bridge, env };
}

async function engineFor({ env }: Running): Promise<RawPublisher> {
  const publisher = RawPublisher.connect(`tcp://127.0.0.1:${env['ZMQ_PORT']}`);
  publishers.push(publisher);
  await publisher.subscribed();
  return publisher;
}

async function publish(publisher: RawPublisher, ...seqs: readonly number[]): Promise<void> {
  for (const seq of seqs) {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(seq));
    const stored = ['BlockStored', [7], null, [1, 2], 2, null, 'GPU', null];
    await publisher.send('kv@10.0.0.7@m', number, encode([Date.now() / 1_000, [stored], 0]));
  }
}

async function until(bridge: Bridge, what: string, isIt: (status: Status) => boolean): Promise<void> {
  const check = async () => isIt(JSON.parse((await bridge.get('/statusz')).body) as Status);
  await waitFor(check, { what, timeout: 30_000 });
}

const delivered = (records: number) => (status: Status) => status.sinks[0]?.records_delivered === records;
const messageOf = (code: string, { findings }: Diagnosis) => findings.find((one) => one.code === code)?.message;

describe('doctor asks a bridge that runs', () => {
  it('one that works', async () => {
    const running = await start({ SINKS: 'file', FILE_DIR: join(folder, 'works') });
    await publish(await engineFor(running), 0, 1, 2);
    await until(running.bridge, 'all is settled', delivered(4));
    const found = await diagnose([], running.env);
    const ofBridge = found.findings.filter(({ group }) => group === 'running bridge').map(({ code }) => code);
    expect(ofBridge).toEqual(['bridge-ready', 'bridge-source', 'bridge-sink']);
    expect(messageOf('bridge-source', found)).toMatch(/^1 connected, 3 frames, the last frame \d/);
    expect(found.codes).toContain('file-name-held');
    // It has the port, and is no stranger there.
    expect(found.findings.some(({ subject }) => subject.startsWith('tcp:'))).toBe(false);
    expect(found).toMatchObject({ ok: true, exitCode: 0 });
  });

  it('one that lost batches, for which reason, and what to do', async () => {
    const running = await start({ SINKS: 'file', FILE_DIR: join(folder, 'gap') });
    await publish(await engineFor(running), 0, 5);
    await until(running.bridge, 'the gap is written', delivered(4));
    const found = await diagnose(['--only', 'sources'], running.env);
    expect(found.codes).toEqual(['bridge-ready', 'bridge-source', 'bridge-gaps', 'bridge-sink']);
    const gaps = found.findings.find(({ code }) => code === 'bridge-gaps');
    expect(gaps?.message).toBe('4 batches are lost, in 1 stream; the newest for the reason no_replay');
    expect(gaps).toMatchObject({ facts: { missing: '4', streams: ['zmq/kv@10.0.0.7@m/0'], reason: 'no_replay' } });
    expect(gaps?.remedy).toContain('REPLAY_ENDPOINT');
    // What was lost does not come back by repairing something.
    expect(found.exitCode).toBe(0);
  });

  it('one whose sink is away', async () => {
    const running = await start({ SINKS: 'redis', REDIS_URL: `redis://127.0.0.1:${await freePorts()}` });
    await engineFor(running);
    await until(running.bridge, 'the sink is down', ({ sinks }) => sinks[0]?.state === 'down');
    const found = await diagnose([], running.env);
    expect(found.codes).toEqual(
      expect.arrayContaining(['bridge-not-ready', 'bridge-source-quiet', 'bridge-sink-down', 'redis-unreachable']),
    );
    const down = found.findings.find(({ code }) => code === 'bridge-sink-down');
    expect(down).toMatchObject({ subject: 'sink redis', facts: { state: 'down', kind: 'transient' } });
    expect(found).toMatchObject({ ok: false, exitCode: 1 });
  });

  it('one that no engine comes to', async () => {
    const running = await start({ SINKS: 'file', FILE_DIR: join(folder, 'alone') });
    await running.bridge.ready();
    const found = await diagnose(['--only', 'sources'], running.env);
    expect(found.codes).toEqual(['bridge-ready', 'bridge-source-alone', 'bridge-sink']);
    expect(messageOf('bridge-source-alone', found)).toBe('nobody is connected, no frame so far');
  });

  it('one with HTTP off: it has the port, and nobody can ask it', async () => {
    const { env } = await start({ SINKS: 'file', FILE_DIR: join(folder, 'off') });
    const found = await diagnose(['--only', 'sources'], { ...env, HTTP_PORT: 'off' });
    expect(found.codes).toEqual(['port-held']);
    expect(found).toMatchObject({ ok: true, exitCode: 0 });
    // For another bridge, whose own HTTP port answers nobody, the same port is taken.
    const other = await diagnose(['--only', 'sources'], { ...env, HTTP_PORT: String(await freePorts()) });
    expect(other.codes).toEqual(['bridge-absent', 'port-taken']);
    expect(other.exitCode).toBe(1);
  });

  it('a standby, beside the bridge that works', async () => {
    const pair = { SINKS: 'redis', REDIS_URL: redis.url, REDIS_DELIVERY: 'exactly-once', BRIDGE_NAME: 'pair' };
    const active = await start(pair);
    await publish(await engineFor(active), 0);
    await until(active.bridge, 'it works', delivered(2));
    const env = { ...active.env, STANDBY: 'true', HTTP_PORT: String(await freePorts()), ZMQ_PORT: '0' };
    const standby = new Program('run', { env });
    programs.push(standby);
    const isReady = () =>
      fetch(`http://127.0.0.1:${env.HTTP_PORT}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      );
    await waitFor(isReady, { what: 'the standby is ready', timeout: 30_000 });
    const found = await diagnose(['--no-bind'], { ...env, ZMQ_PORT: active.env['ZMQ_PORT'] as string });
    expect(found.codes[0]).toBe('bridge-standby');
    expect(messageOf('bridge-standby', found)).toContain('the bridge pair waits as a standby');
    expect(found.codes).toContain('port-held');
    expect(found.codes).not.toContain('name-held-elsewhere');
    expect(found.exitCode).toBe(0);
  });
});
