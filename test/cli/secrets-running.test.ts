import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Publisher } from 'zeromq';
import { runDoctor } from '../doctor/support.ts';
import { Bridge } from '../e2e/bridge.ts';
import { freePorts } from '../support/ports.ts';
import type { RedisService } from '../support/services/redis.ts';
import { startRedis } from '../support/services/redis.ts';
import { waitFor } from '../support/services/service.ts';
import { RawPublisher } from '../support/zmq.ts';

const secret = 'c4n4ry-S3cret';
/** A token id that nothing else looks like. */
const token = 987_654_321;

const folder = mkdtempSync(join(tmpdir(), 'kv-secrets-'));
const running: Bridge[] = [];
let redis: RedisService;
/** Takes connections and ends them at once. */
let rude: Server;

beforeAll(async () => {
  redis = await startRedis({ password: 'admin-secret' });
  rude = createServer((socket) => socket.on('error', () => undefined).end('no\r\n')).listen(0, '127.0.0.1');
}, 120_000);
afterEach(async () => {
  await Promise.all(running.splice(0).map((bridge) => bridge.stop('SIGKILL')));
});
afterAll(async () => {
  await redis?.remove();
  rude?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** With every log line that there is. */
async function start(env: Readonly<Record<string, string>>): Promise<{ bridge: Bridge; port: number }> {
  const port = await freePorts();
  const common = { ZMQ_PORT: String(port), LOG_LEVEL: 'trace', CHECKPOINT_WAIT: '0', DRAIN_TIMEOUT: '200ms' };
  const bridge = await Bridge.start({ ...common, ...env });
  running.push(bridge);
  return { bridge, port };
}

/** All that it says while it runs and as it ends, but for its records. */
async function allSaid(bridge: Bridge): Promise<string> {
  const pages = ['/readyz', '/statusz', '/metrics', '/livez', '/statusz?streams=x', '/no-such-page'];
  const bodies = await Promise.all(pages.map(async (page) => (await bridge.get(page)).body));
  await bridge.stop();
  return [bridge.stderr, ...bodies].join('\n');
}

const secretUrl = (port: number) => `redis://user:${secret}@127.0.0.1:${port}`;
const rudePort = () => (rude.address() as AddressInfo).port;
const sasl = (mechanism: string) => ({
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_SASL_USERNAME: 'u',
  KAFKA_SASL_PASSWORD: secret,
});

type Surroundings = () => Promise<Readonly<Record<string, string>>>;
const outages: readonly (readonly [string, Surroundings])[] = [
  ['a wrong password of Redis', async () => ({ SINKS: 'redis', REDIS_URL: redis.url, REDIS_PASSWORD: secret })],
  ['a wrong user in the URL of Redis', async () => ({ SINKS: 'redis', REDIS_URL: secretUrl(redis.port) })],
  ['a Redis that is away', async () => ({ SINKS: 'redis', REDIS_URL: secretUrl(await freePorts()) })],
  ['a Redis that is none', async () => ({ SINKS: 'redis', REDIS_URL: secretUrl(rudePort()) })],
  [
    'a host without an address',
    async () => ({ SINKS: 'redis', REDIS_URL: `redis://user:${secret}@no-such-host.invalid:1` }),
  ],
  [
    'a wrong password of a sentinel',
    async () => ({
      SINKS: 'redis',
      REDIS_SENTINEL_NODES: `127.0.0.1:${redis.port}`,
      REDIS_SENTINEL_MASTER: 'm',
      REDIS_SENTINEL_PASSWORD: secret,
      REDIS_PASSWORD: secret,
    }),
  ],
  [
    'a Kafka that is away, SASL plain',
    async () => ({ SINKS: 'kafka', KAFKA_BROKERS: `127.0.0.1:${await freePorts()}`, ...sasl('plain') }),
  ],
  [
    'a Kafka that is none, SASL plain',
    async () => ({ SINKS: 'kafka', KAFKA_BROKERS: `127.0.0.1:${rudePort()}`, ...sasl('plain') }),
  ],
  [
    'a Kafka that is none, SCRAM',
    async () => ({ SINKS: 'kafka', KAFKA_BROKERS: `127.0.0.1:${rudePort()}`, ...sasl('scram-sha-256') }),
  ],
];

describe('a bridge that runs tells no secret, in no log line and on no page', () => {
  it.each(outages)('with %s', async (_, surroundings) => {
    const { bridge } = await start(await surroundings());
    await waitFor(() => bridge.log.some(({ fact }) => fact === 'sink-down'), {
      what: 'the sink is down',
      timeout: 30_000,
    });
    const said = await allSaid(bridge);
    expect(said).toContain('sink-down');
    expect(said).not.toContain(secret);
  });
});

describe('doctor tells no secret', () => {
  /** What it says to people and to scripts, and what a terminal shows meanwhile. */
  async function saidBy(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const [text, json, shown] = await Promise.all([
      runDoctor(argv, env),
      runDoctor([...argv, '--json'], env),
      runDoctor(argv, env, { isTTY: true }),
    ]);
    expect([text.exitCode, json.exitCode, shown.exitCode]).toEqual([1, 1, 1]);
    return [text, json, shown].flatMap(({ stdout, stderr }) => [stdout, stderr]).join('\n');
  }

  it.each(outages)(
    'with %s',
    async (_, surroundings) => {
      const said = await saidBy(['--only', 'sinks'], await surroundings());
      expect(said).toMatch(/Verdict: Does not work: .*(Redis|Kafka)/);
      expect(said).not.toContain(secret);
    },
    60_000,
  );

  it('beside a bridge whose password is wrong, which says so in its status', async () => {
    const http = String(await freePorts());
    const env = {
      SINKS: 'redis',
      REDIS_URL: redis.url,
      REDIS_PASSWORD: secret,
      HTTP_PORT: http,
      HTTP_HOST: '127.0.0.1',
    };
    const { bridge } = await start(env);
    await waitFor(() => bridge.log.some(({ fact }) => fact === 'sink-down'), { what: 'the sink is down' });
    const said = await saidBy([], env);
    expect(said).toContain('bridge-sink-down');
    expect(said).toContain('redis-login');
    expect(said).not.toContain(secret);
  });

  it('of an engine that wants PLAIN, on either side', async () => {
    const [port, dialled] = [await freePorts(), await freePorts()];
    const guarded = new Publisher({ plainServer: true });
    const dialling = new Publisher({ plainUsername: 'engine', plainPassword: secret });
    try {
      await guarded.bind(`tcp://127.0.0.1:${port}`);
      expect(await saidBy([`127.0.0.1:${port}`, '--wait', '100ms'])).toContain('wants PLAIN');
      dialling.connect(`tcp://127.0.0.1:${dialled}`);
      const bound = await runDoctor(['--only', 'sources', '--wait', '1s'], { ZMQ_PORT: String(dialled) });
      expect(bound.stdout).toContain('wants PLAIN');
      expect(bound.stdout + bound.stderr).not.toContain(secret);
    } finally {
      guarded.close();
      dialling.close();
    }
  });
});

describe('a bridge that runs tells no token ids, in no log line and on no page', () => {
  const number = (seq: number) => {
    const frame = Buffer.alloc(8);
    frame.writeBigUInt64BE(BigInt(seq));
    return frame;
  };
  const stored = (tokens: unknown, hashes: unknown = [1]) => [
    'BlockStored',
    hashes,
    null,
    tokens,
    2,
    null,
    'GPU',
    null,
  ];

  /** Closing it drops what it has not sent yet. */
  async function publish(port: number): Promise<RawPublisher> {
    const publisher = RawPublisher.connect(`tcp://127.0.0.1:${port}`);
    await publisher.subscribed();
    const payload = (...events: unknown[]) => Buffer.from(encode([1_763_800_000, events, 0]));
    const good = payload(stored([token, token]));
    const frames: readonly (readonly [string, number, Buffer])[] = [
      ['t', 0, good],
      ['t', 1, payload(stored([token], 'no hashes'), stored(`${token}`), ['Unknown', [token]])],
      ['t', 2, payload(stored(Array.from({ length: 2_000 }, () => token)))],
      ['t', 3, Buffer.concat([good, good])],
      ['t', 4, Buffer.from(`no msgpack ${token}`)],
      ['t', 5, good.subarray(0, good.length - 3)],
      ['t', 9, good],
      ['t', 9, good],
      ['t', 0, good],
      ['u', 7, good],
    ];
    for (const [topic, seq, body] of frames) await publisher.send(topic, number(seq), body);
    await publisher.send('t', 'short', good);
    await publisher.send('a', 'b', good, good, good);
    await publisher.send('t', good);
    await publisher.send('end', number(0), payload(['AllBlocksCleared']));
    return publisher;
  }

  it('whatever becomes of the events: written, repeated, unreadable, or dead letters', async () => {
    const dir = join(folder, 'data');
    const { bridge, port } = await start({
      ...{ SINKS: 'stdout,file,redis', FILE_DIR: dir, REDIS_URL: redis.url, REDIS_PASSWORD: 'admin-secret' },
      REDIS_MAX_RECORD_BYTES: '2KiB',
    });
    await bridge.ready();
    const publisher = await publish(port);
    await waitFor(() => bridge.stdout.includes('AllBlocksCleared'), { what: 'all came', timeout: 30_000 });
    publisher.close();
    await waitFor(() => bridge.log.some(({ fact }) => fact === 'dead-lettered'), { what: 'one became a dead letter' });
    const said = await allSaid(bridge);
    for (const fact of ['undecodable', 'duplicate', 'stream-gap', 'stream-restarted', 'stream-started']) {
      expect(said, fact).toContain(`"fact":"${fact}"`);
    }
    expect(said).toContain('Undecodable');
    // It would be seen: the records have it, as it is and as raw bytes.
    expect(bridge.stdout).toContain(String(token));
    expect(readFileSync(join(dir, 'records-00000001.ndjson'), 'utf8')).toContain(String(token));
    expect(said).not.toContain(String(token));
    expect(said).not.toContain(Buffer.from(`no msgpack ${token}`).toString('base64').slice(4, -4));
    expect(said).not.toContain('admin-secret');
  });

  it('nor does doctor, which reads the same', async () => {
    for (const form of [[], ['--json']]) {
      const port = await freePorts();
      const listening = runDoctor(['--only', 'sources', '--wait', '4s', ...form], { ZMQ_PORT: String(port) });
      const publisher = await publish(port);
      const { stdout, stderr } = await listening;
      publisher.close();
      for (const code of ['stream', 'undecodable', 'shared-stream']) expect(stdout, code).toContain(code);
      expect(stdout + stderr).not.toContain(String(token));
      expect(stdout + stderr).not.toContain(Buffer.from(`no msgpack ${token}`).toString('base64').slice(4, -4));
    }
  });
});
