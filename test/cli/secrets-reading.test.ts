import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Program } from '../e2e/bridge.ts';
import { freePorts } from '../support/ports.ts';
import type { RedisService } from '../support/services/redis.ts';
import { startRedis } from '../support/services/redis.ts';
import { runInMemory } from './memory-edge.ts';

const canary = 'c4n4ry-S3cret';
const fixture = new URL('../fixtures/reading/', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'kv-secrets-reading-'));
let redis: RedisService;
/** Takes connections and ends them at once. */
let rude: Server;
/** Answers any request with a refusal. */
let refusing: Server;
let closedPort: number;

beforeAll(async () => {
  cpSync(fixture, folder, { recursive: true });
  closedPort = await freePorts();
  redis = await startRedis({ password: canary });
  rude = createServer((socket) => socket.on('error', () => undefined).end('no\r\n')).listen(0, '127.0.0.1');
  const refusal = 'HTTP/1.1 401 No\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{"error":"x"}';
  refusing = createServer((socket) => socket.on('error', () => undefined).end(refusal)).listen(0, '127.0.0.1');
}, 120_000);
afterAll(async () => {
  await redis?.remove();
  rude?.close();
  refusing?.close();
  rmSync(folder, { recursive: true, force: true });
});

const portOf = (server: Server) => (server.address() as AddressInfo).port;
const login = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: canary };
const kafkaAt = (port: number) => ({ KAFKA_BROKERS: `127.0.0.1:${port}`, KAFKA_REQUEST_TIMEOUT: '1s', ...login });
const redisUrl = (port: number) => ({ REDIS_URL: `redis://user:${canary}@127.0.0.1:${port}` });

type Surroundings = () => Readonly<Record<string, string>>;
const outages: readonly (readonly [string, 'redis' | 'kafka', Surroundings])[] = [
  ['a wrong password of Redis', 'redis', () => ({ REDIS_URL: redis.url, REDIS_PASSWORD: `${canary}-2` })],
  ['a wrong user in the URL of Redis', 'redis', () => redisUrl(redis.port)],
  ['a Redis that is away', 'redis', () => redisUrl(closedPort)],
  ['a Redis that is none', 'redis', () => redisUrl(portOf(rude))],
  ['a Kafka that is away', 'kafka', () => kafkaAt(closedPort)],
  ['a Kafka that is none', 'kafka', () => kafkaAt(portOf(rude))],
];

const commands: readonly (readonly [string, (sink: string) => readonly string[]])[] = [
  ['tail', (sink) => ['tail', sink]],
  ['stats', (sink) => ['stats', sink]],
  ['inspect', (sink) => ['inspect', sink]],
  ['rewind', (sink) => ['rewind', '--sink', sink, '--stream', 's', '--to', '1', '--yes']],
];

describe.each(commands)('%s tells no secret', (name, argvOf) => {
  it.each(outages)('with %s', async (_, sink, surroundings) => {
    const [command = '', ...args] = argvOf(sink);
    const program = new Program(command, { args, env: surroundings() });
    onTestFinished(async () => void (await program.stop('SIGKILL')));
    expect(await program.exited).toBe(1);
    expect(program.stderr).toMatch(/^kv-event-bridge: .*(Redis|reading|Kafka)/m);
    expect(program.stdout + program.stderr).not.toContain(canary);
  });

  const url = `redis://user:${canary}@redis.example:6379/0`;
  const wrong = [url, `kafka://${canary}@h`, `user:${canary}@redis`, `http://u:${canary}@[`, `tcp://u:${canary}@h:1`];
  it.each(wrong.filter((word) => name === 'tail' || !word.includes('tcp')))(
    'where an address is given for a sink: %s',
    async (word) => {
      const { exitCode, stdout, stderr } = await runInMemory(argvOf(word));
      expect(exitCode).toBe(2);
      expect(stdout + stderr).not.toContain(canary);
      if (word === url) expect(stderr).toContain('--redis-url');
    },
  );

  it('that its surroundings have and its work does not need', async () => {
    const env = { ...redisUrl(closedPort), REDIS_PASSWORD: canary, ...login, FILE_DIR: folder };
    const [command = '', ...args] = argvOf('file');
    const real = ['--stream', 'zmq/kv@10.0.0.5@Qwen/Qwen3-0.6B/0', '--to', '3'];
    const given = command === 'rewind' ? ['--sink', 'file', ...real, '--yes'] : args;
    const more = command === 'tail' ? ['--from', 'start', '--no-follow'] : [];
    const { exitCode, stdout, stderr } = await runInMemory([command, ...given, ...more], env);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain(command === 'rewind' ? 'done' : '10.0.0.5');
    expect(stdout + stderr).not.toContain(canary);
  });
});

describe('tail of a bridge tells no login of its URL', () => {
  it.each([
    ['is away', () => closedPort],
    ['is none', () => portOf(rude)],
    ['refuses', () => portOf(refusing)],
  ])('where it %s', async (_, port) => {
    const { exitCode, stdout, stderr } = await runInMemory(['tail', `http://user:${canary}@127.0.0.1:${port()}/x`]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('127.0.0.1');
    expect(stdout + stderr).not.toContain(canary);
  });
});

describe('token ids are told by no command', () => {
  const text = readFileSync(join(fixture, 'records-00000001.ndjson'), 'utf8');
  /** Long ones: nothing else looks like them. */
  const tokens = [...text.matchAll(/"token_ids":\[([\d,]+)\]/g)].flatMap(([, list = '']) => list.split(','));
  const long = tokens.filter((token) => token.length === 6 && text.split(token).length === 2);
  const argvs = [
    ...[
      ['tail', 'file', '--from', 'start', '--no-follow'],
      ['stats', folder],
      ['stats', 'file', '--json'],
    ],
    ...[
      ['inspect', 'file'],
      ['inspect', 'file', '--json'],
    ],
  ];

  it.each(argvs.flatMap((argv) => [true, false].map((isTerminal) => ({ argv, isTerminal }))))(
    '$argv, on a terminal: $isTerminal',
    async ({ argv, isTerminal }) => {
      const { exitCode, stdout, stderr } = await runInMemory(argv, { FILE_DIR: folder }, { isTerminal });
      expect(exitCode, stderr).toBe(0);
      expect(long.length).toBeGreaterThan(20);
      expect(long.filter((token) => (stdout + stderr).includes(token))).toEqual([]);
    },
  );

  it('but by tail where it is asked to', async () => {
    const argv = ['tail', 'file', '--from', 'start', '--no-follow', '--tokens'];
    const { stdout } = await runInMemory(argv, { FILE_DIR: folder });
    expect(long.every((token) => stdout.includes(token))).toBe(true);
  });
});
