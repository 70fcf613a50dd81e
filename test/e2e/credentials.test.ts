import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterEach, describe, expect, it } from 'vitest';
import { Router } from 'zeromq';
import { sequenceFrame } from '../../src/simulator/replay.ts';
import { freePorts } from '../support/ports.ts';
import { curvePairs, EngineContext, plain, plainDials } from '../support/security.ts';
import { waitFor } from '../support/services/service.ts';
import { RawPublisher } from '../support/zmq.ts';
import { Bridge, Program } from './bridge.ts';
import { linesOf, parseRecords } from './records.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const at = (port: number) => `tcp://127.0.0.1:${port}`;
const payloadOf = (seq: number) => Buffer.from(encode([1_763_800_000 + seq, [['BlockRemoved', [seq]]], 0]));
const plainEnv = (password = plain.password) => ({
  ZMQ_PLAIN_USERNAME: plain.username,
  ZMQ_PLAIN_PASSWORD: password,
});

async function start(env: Record<string, string>): Promise<Bridge> {
  const bridge = await Bridge.start({ LOG_LEVEL: 'trace', ...env });
  cleanups.push(() => bridge.stop('SIGKILL'));
  return bridge;
}

async function engine(): Promise<EngineContext> {
  const started = await EngineContext.start();
  cleanups.push(() => started.close());
  return started;
}

/** Answers every request with the batches 0 to 9. */
async function serve(port: number, options: object): Promise<void> {
  const router = new Router({ ...options, linger: 0, receiveTimeout: 100 });
  await router.bind(at(port));
  let stopped = false;
  const serving = (async () => {
    while (!stopped) {
      const [identity, , start] = await router.receive().catch(() => []);
      if (identity === undefined || start === undefined) continue;
      for (let seq = Number(start.readBigUInt64BE()); seq < 10; seq += 1)
        await router.send([identity, '', sequenceFrame(BigInt(seq)), payloadOf(seq)]);
      await router.send([identity, '', Buffer.alloc(8, 0xff), '']);
    }
    router.close();
  })();
  cleanups.push(() => {
    stopped = true;
    return serving;
  });
}

const curve = curvePairs();
const curveEnv = { ZMQ_CURVE_SECRET_KEY: curve.bridge.secretKey, ZMQ_CURVE_SERVER_KEY: curve.engine.publicKey };

interface Guarded {
  readonly env: Readonly<Record<string, string>>;
  readonly dials: object;
  readonly binds: object;
}

const guards: readonly (readonly [string, () => Promise<Guarded>])[] = [
  ['PLAIN', async () => ({ env: plainEnv(), dials: plainDials, binds: (await engine()).plainBinds })],
  [
    'PLAIN over libzmq',
    async () => ({
      env: { ...plainEnv(), ZMQ_TRANSPORT: 'libzmq' },
      dials: plainDials,
      binds: (await engine()).plainBinds,
    }),
  ],
  ['CURVE', async () => ({ env: curveEnv, dials: curve.dials, binds: curve.binds })],
];

describe.each(guards)('a bridge and an engine with %s', (_, make) => {
  it.each(['connect', 'bind'])('%s: events come, and what is missing from the replay socket', async (mode) => {
    const { env, dials, binds } = await make();
    const port = await freePorts(2);
    await serve(port + 1, binds);
    const publisher = mode === 'connect' ? await RawPublisher.bind(at(port), binds) : null;
    const sources = JSON.stringify([{ name: 'engine', [mode]: at(port), replay: at(port + 1) }]);
    const bridge = await start({ ...env, SOURCES: sources });
    const sender = publisher ?? RawPublisher.connect(at(port), dials);
    cleanups.push(() => sender.close());
    await sender.subscribed();
    for (const seq of [0, 1, 5, 9]) await sender.send('kv@p@m', sequenceFrame(BigInt(seq)), payloadOf(seq));
    const numbers = () =>
      parseRecords(linesOf(bridge.stdout))
        .filter(({ type }) => type === 'BlockRemoved')
        .map(({ seq }) => Number(seq));
    await waitFor(() => numbers().includes(9), { what: 'the last number came' });
    expect(numbers()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(bridge.stderr).not.toContain(plain.password);
    expect(bridge.stderr).not.toContain(curve.bridge.secretKey);
  });
});

describe('commands that listen to an engine with a password', () => {
  it.each(['tail', 'capture'])('%s takes it from the environment', async (command) => {
    const port = await freePorts();
    const publisher = await RawPublisher.bind(at(port), (await engine()).plainBinds);
    cleanups.push(() => publisher.close());
    const folder = mkdtempSync(join(tmpdir(), 'kv-credentials-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const args = command === 'tail' ? [at(port), '--json'] : [join(folder, 'x.kvcap'), at(port), '--json'];
    const program = new Program(command, { args: [...args, '--count', '2'], env: plainEnv() });
    cleanups.push(() => program.stop('SIGKILL'));
    await publisher.subscribed();
    for (const seq of [0, 1]) await publisher.send('kv@p@m', sequenceFrame(BigInt(seq)), payloadOf(seq));
    expect(await program.exited, program.stderr).toBe(0);
    expect(program.stderr).not.toContain(plain.password);
  });
});

describe('a wrong password', () => {
  it.each([
    ['zmtp', 'connect'],
    ['zmtp', 'bind'],
    ['libzmq', 'connect'],
    ['libzmq', 'bind'],
  ])('over %s, %s, is in the log, /statusz and /metrics, and is never printed', async (transport, mode) => {
    const port = await freePorts();
    const secret = 'wr0ng-S3cret';
    const publisher =
      mode === 'connect'
        ? await RawPublisher.bind(at(port), (await engine()).plainBinds)
        : RawPublisher.connect(at(port), plainDials);
    cleanups.push(() => publisher.close());
    const sources = JSON.stringify([{ name: 'engine', [mode]: at(port), transport }]);
    const bridge = await start({ ...plainEnv(secret), SOURCES: sources });
    const count = () => bridge.metric('kv_event_bridge_source_troubles_total', 'reason="handshake_auth"');
    await waitFor(async () => (await count()) > 0, { what: 'the refusal is counted' });
    const status = (await bridge.get('/statusz')).body;
    expect(status).toContain('handshake_auth');
    expect(bridge.stderr).toContain('handshake_auth');
    const pages = ['/readyz', '/metrics', '/'].map(async (page) => (await bridge.get(page)).body);
    const all = [...(await Promise.all(pages)), status, bridge.stderr, bridge.stdout].join('\n');
    expect(all).not.toContain(secret);
    expect(all).not.toContain(plain.password);
  });
});
