import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/core/finding.ts';
import type { Sink } from '../../src/core/sink.ts';
import { redisSink } from '../../src/sinks/redis.ts';
import { runDoctor } from '../doctor/support.ts';
import { eventBatch, testStream } from '../support/batches.ts';
import { codesOf, findingsFrom, the } from '../support/findings.ts';
import { freePorts } from '../support/ports.ts';
import type { RedisService } from '../support/services/redis.ts';
import { startRedis } from '../support/services/redis.ts';
import { makeRedisSink, redisConfig } from '../support/services/redis-sink.ts';
import { makeCertificates } from '../support/services/tls.ts';

type Overrides = Parameters<typeof redisConfig>[0];

async function examine(overrides: Overrides, bridge = 'test-bridge'): Promise<readonly Finding[]> {
  const about = { bridge, timeout: 5_000, signal: new AbortController().signal };
  const findings = redisSink.examine?.(redisConfig(overrides), about);
  return findingsFrom(findings as AsyncIterable<Finding>);
}

const documented = /ACL SETUSER kv-event-bridge (.*)/.exec(
  readFileSync(new URL('../../docs/sinks/redis.md', import.meta.url), 'utf8'),
)?.[1];
const sinks: Sink[] = [];

describe('doctor on Redis', () => {
  let redis: RedisService;

  beforeAll(async () => {
    redis = await startRedis({
      users: [`kv-event-bridge ${documented}`, 'reader on >secret ~* +type +xlen +hget +info'],
    });
  });
  afterAll(() => redis?.remove());
  afterEach(async () => {
    for (const sink of sinks.splice(0)) await sink.close();
    await redis.admin.call('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction', 'appendonly', 'no');
    await redis.admin.flushall();
  });

  async function connected(overrides: Overrides): Promise<Sink> {
    const sink = await makeRedisSink({ url: redis.url, ...overrides });
    sinks.push(sink);
    await sink.connect();
    return sink;
  }

  it('an empty one without persistence: reachable, and what a restart would cost', async () => {
    const findings = await examine({ url: redis.url });
    expect(codesOf(findings)).toEqual([
      'redis-reachable',
      'redis-persistence-off',
      'redis-memory-unbounded',
      'redis-rights',
      'redis-stream-absent',
      'redis-untrimmed',
      'redis-checkpoints',
    ]);
    expect(the('redis-reachable', findings).message).toMatch(/^Redis \d+\.\d+\.\d+ answers \(master\)/);
  });

  it('writes nothing', async () => {
    await examine({ url: redis.url, delivery: 'exactly-once', maxLen: 10, maxAge: 1_000 });
    expect(await redis.admin.keys('*')).toEqual([]);
    const sink = await connected({ delivery: 'exactly-once' });
    await sink.write([eventBatch(testStream(), 0)]);
    const before = await redis.admin.dump('kv-events:checkpoints');
    await examine({ url: redis.url, delivery: 'exactly-once', maxLen: 1, maxAge: 1_000 });
    expect(await redis.admin.dump('kv-events:checkpoints')).toEqual(before);
    expect(await redis.admin.xlen('kv-events')).toBe(1);
    await sink.write([eventBatch(testStream(), 1)]);
  });

  it('a stream that is there: its length, its trimming, its checkpoints', async () => {
    const sink = await connected({});
    await sink.write([eventBatch(testStream(), 0, 3)]);
    const findings = await examine({ url: redis.url, maxLen: 1_000 });
    expect(the('redis-stream', findings)).toMatchObject({ facts: { length: 3, max_len: 1_000 } });
    expect(the('redis-checkpoints', findings)).toMatchObject({ facts: { streams: 1 } });
    expect(codesOf(findings)).not.toContain('redis-untrimmed');
    expect(the('redis-checkpoints', await examine({ url: redis.url }, 'other'))).toMatchObject({
      facts: { streams: 0 },
    });
  });

  it('keeps an append-only file', async () => {
    await redis.admin.call('CONFIG', 'SET', 'appendonly', 'yes');
    expect(codesOf(await examine({ url: redis.url }))).toContain('redis-persistence');
  });

  it('a policy that evicts the stream', async () => {
    await redis.admin.call('CONFIG', 'SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
    expect(the('redis-evicts', await examine({ url: redis.url }))).toMatchObject({
      level: 'warning',
      facts: { maxmemory_policy: 'allkeys-lru' },
    });
  });

  it('a full memory, also for a user who may not ask INFO', async () => {
    await redis.admin.call('CONFIG', 'SET', 'maxmemory', '1mb');
    expect(codesOf(await examine({ url: redis.url }), 'failure')).toContain('redis-memory-full');
    const findings = await examine({ url: redis.url, username: 'kv-event-bridge', password: 'secret' });
    expect(codesOf(findings)).toEqual(['redis-reachable', 'redis-unasked', 'redis-rights', 'redis-memory-full']);
  });

  it('a key of another type', async () => {
    await redis.admin.set('kv-events', 'text');
    expect(the('redis-wrong-type', await examine({ url: redis.url })).message).toBe(
      'it holds a string, and must be a stream',
    );
  });

  it('the user of the documentation may do everything', async () => {
    const findings = await examine({ url: redis.url, username: 'kv-event-bridge', password: 'secret', maxAge: 1_000 });
    expect(codesOf(findings, 'failure', 'warning')).toEqual([]);
    expect(codesOf(findings)).toContain('redis-rights');
  });

  it('a user who lacks rights, each of them', async () => {
    const finding = the(
      'redis-rights-missing',
      await examine({ url: redis.url, username: 'reader', password: 'secret' }),
    );
    expect(finding.facts?.['missing']).toEqual([
      'evalsha on 0000000000000000000000000000000000000000',
      'eval on return 1',
      'hset on kv-events:checkpoints',
      'hdel on kv-events:checkpoints',
      'hscan on kv-events:checkpoints',
      'xadd on kv-events',
      'xadd on kv-events:dead-letter',
    ]);
  });

  it('who holds the name, while its lease counts and after', async () => {
    const sink = await connected({ delivery: 'exactly-once' });
    await sink.lease?.renew(60_000);
    expect(the('redis-name-held', await examine({ url: redis.url }))).toMatchObject({
      level: 'note',
      facts: { held: true, lease_of_holder: true },
    });
    await sink.lease?.release();
    expect(the('redis-name-held', await examine({ url: redis.url })).facts).toMatchObject({ held: false });
  });

  it('a bridge that lost its name to another one', async () => {
    const first = await connected({ delivery: 'exactly-once' });
    await first.lease?.renew(60_000);
    await connected({ delivery: 'exactly-once' });
    const finding = the('redis-name-held', await examine({ url: redis.url }));
    expect(finding.facts).toMatchObject({ held: true, lease_of_holder: false });
    expect(finding.message).toContain('has lost the name');
  });

  it('a checkpoint that nobody can read', async () => {
    await redis.admin.hset('kv-events:checkpoints', 'test-bridge/a/b/0', 'rubbish');
    expect(the('redis-bad-checkpoint', await examine({ url: redis.url })).level).toBe('warning');
  });

  it('cluster mode that the server has not', async () => {
    const findings = await examine({ url: redis.url, stream: '{kv-events}', cluster: { enabled: true } });
    expect(codesOf(findings, 'failure')).toEqual(['redis-cluster-mode']);
  });

  it('a replica', async () => {
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(redis.port)] });
    try {
      expect(codesOf(await examine({ url: replica.url }), 'failure')).toContain('redis-replica');
    } finally {
      await replica.remove();
    }
  });
});

describe('doctor before a Redis', () => {
  it('nobody there', async () => {
    const findings = await examine({ url: `redis://localhost:${await freePorts()}` });
    expect(findings).toHaveLength(1);
    expect(the('redis-unreachable', findings)).toMatchObject({ level: 'failure', facts: { error: 'ECONNREFUSED' } });
  });

  it('one with a password: none, a wrong one; neither is printed', async () => {
    const redis = await startRedis({ password: 'right-one' });
    try {
      const none = the('redis-login', await examine({ url: redis.url }));
      expect(none.facts).toEqual({ error: 'NOAUTH' });
      const wrong = await examine({ url: redis.url, password: 'wr0ng-one' });
      expect(the('redis-login', wrong).facts).toEqual({ error: 'WRONGPASS' });
      expect(JSON.stringify(wrong)).not.toContain('wr0ng-one');
      const right = await examine({ url: redis.url, password: 'right-one' });
      expect(codesOf(right, 'failure')).toEqual([]);
      expect(JSON.stringify(right)).not.toContain('right-one');
    } finally {
      await redis.remove();
    }
  });

  it.each([{}, { password: 'right-one' }])('its port, given where events were meant: %j', async (options) => {
    const redis = await startRedis(options);
    try {
      const { stdout, exitCode } = await runDoctor([`127.0.0.1:${redis.port}`, '--wait', '100ms']);
      expect(stdout).toContain(`Verdict: No events: tcp://127.0.0.1:${redis.port}: Redis, not ZeroMQ.`);
      expect(exitCode).toBe(1);
    } finally {
      await redis.remove();
    }
  });

  it('one that speaks TLS, and one that does not', async () => {
    const certificates = await makeCertificates();
    const [secure, plain] = [await startRedis({ tls: certificates }), await startRedis()];
    try {
      expect(codesOf(await examine({ url: secure.url }), 'failure')).toEqual(['redis-tls']);
      expect(codesOf(await examine({ url: secure.url, tls: { ca: certificates.ca } }), 'failure')).toEqual([]);
      const mixed = await examine({ url: plain.url.replace('redis:', 'rediss:'), tls: { insecureSkipVerify: true } });
      expect(codesOf(mixed, 'failure')).toHaveLength(1);
      expect(codesOf(mixed, 'failure')[0]).toMatch(/redis-(tls|unreachable)/);
    } finally {
      await secure.remove();
      await plain.remove();
      certificates.remove();
    }
  });

  it('one that hangs', async () => {
    const redis = await startRedis({ backend: 'native' });
    try {
      await redis.pause();
      expect(codesOf(await examine({ url: redis.url }))).toEqual(['redis-unreachable']);
    } finally {
      await redis.resume();
      await redis.remove();
    }
  });
});
