import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SinkError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';
import { documentsOf, eventBatch, eventBatches, testStream } from '../support/batches.ts';
import { lacking, persist } from '../support/persist.ts';
import { RedisProxy } from '../support/redis-proxy.ts';
import type { RedisService } from '../support/services/redis.ts';
import { redisBackends, startRedis } from '../support/services/redis.ts';
import { failureOf, makeRedisSink, recordsIn } from '../support/services/redis-sink.ts';
import { waitFor } from '../support/services/service.ts';

const stream = testStream();
const hash = 'kv-events:checkpoints';
const sinks: Sink[] = [];

afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close();
});

async function make(redis: RedisService, overrides: Parameters<typeof makeRedisSink>[0] = {}): Promise<Sink> {
  const sink = await makeRedisSink({ url: redis.url, delivery: 'exactly-once', ...overrides });
  sinks.push(sink);
  return sink;
}

describe.each(redisBackends())('a Redis that lost its data (%s)', (backend) => {
  let redis: RedisService;

  beforeAll(async () => {
    redis = await startRedis({ backend });
  });
  beforeEach(() => redis.admin.flushall());
  afterAll(() => redis?.remove());

  const records = () => recordsIn(redis.admin, 'kv-events');

  /** Every key but `spoiled` as bytes. */
  const contents = async (spoiled: string) => {
    const keys = (await redis.admin.keys('*')).toSorted().filter((key) => key !== spoiled);
    return Promise.all(keys.map(async (key) => [key, await redis.admin.dumpBuffer(key)]));
  };

  it('is noticed when all is gone, and nothing is appended until the sink has connected again', async () => {
    const sink = await make(redis);
    await sink.connect();
    const batches = eventBatches(stream, 0, 6);
    await sink.write(batches.slice(0, 4));
    await redis.admin.flushall();
    const error = await failureOf(sink.write(batches.slice(4)));
    expect(error).toMatchObject({ kind: 'reopen', code: 'STORE_LOST', written: 0 });
    expect(error.message).toContain('the fence of "test-bridge" is gone');
    expect(await redis.admin.dbsize()).toBe(0);
    expect(await sink.connect()).toEqual(new Map());
    expect(await failureOf(sink.write(batches.slice(4)))).toMatchObject({ code: 'STORE_LOST' });
    await sink.write(batches);
    expect(await records()).toEqual(documentsOf(batches));
  });

  it('is noticed when the checkpoint of one stream is gone or is older: stream, expected and found are named', async () => {
    const sink = await make(redis);
    await sink.connect();
    const other = testStream('10.0.0.6');
    await sink.write([...eventBatches(stream, 0, 2), ...eventBatches(other, 0, 2)]);
    const older = await redis.admin.hget(hash, `test-bridge/${stream.id}`);
    await sink.write(eventBatches(stream, 2, 2));
    await redis.admin.hset(hash, `test-bridge/${stream.id}`, older ?? '');
    const next = [eventBatch(other, 2), eventBatch(stream, 4)];
    const behind = await failureOf(sink.write(next));
    expect(behind).toMatchObject({ kind: 'reopen', code: 'STORE_LOST', written: 0 });
    expect(behind.message).toContain(
      `the checkpoint of "${stream.id}" is ${older}, expected {"epoch":1763800000000,"seq":"3","sub":0}`,
    );
    await redis.admin.hdel(hash, `test-bridge/${stream.id}`);
    expect((await failureOf(sink.write(next))).message).toContain(`the checkpoint of "${stream.id}" is gone`);
    expect((await records()).filter((text) => JSON.parse(text).stream === other.id)).toHaveLength(3);
    expect(await sink.connect()).toEqual(new Map([[other.id, eventBatch(other, 1).checkpoint]]));
    await sink.write([next[0] ?? eventBatch(other, 2), { ...eventBatch(stream, 4), follows: null }]);
  });

  it('is noticed in the middle of a batch of several calls', async () => {
    const proxy = await RedisProxy.listen(redis.port);
    try {
      const sink = await make(redis, { url: proxy.url });
      await sink.connect();
      const held = proxy.holdAnswer();
      const writing = failureOf(sink.write([eventBatch(stream, 0, 3_500)]));
      const release = await held;
      await redis.admin.del('kv-events');
      expect(await redis.admin.hdel(hash, `test-bridge:part/${stream.id}`)).toBe(1);
      release();
      const error = await writing;
      expect(error).toMatchObject({ kind: 'reopen', code: 'STORE_LOST', written: 0 });
      expect(error.message).toMatch(/STORE_LOST 0 records of a batch of ".*" are there, expected 1000/);
      expect(await redis.admin.exists('kv-events')).toBe(0);
    } finally {
      await proxy.close();
    }
  });

  it.each([
    ['kv-events:checkpoints', 'string'],
    ['kv-events', 'list'],
    ['kv-events:dead-letter', 'string'],
  ])('says that %s holds a %s, writes nothing to any key, and heals without a restart', async (key, kind) => {
    const spoil = () => (kind === 'list' ? redis.admin.lpush(key, 'x') : redis.admin.set(key, 'x'));
    await spoil();
    const sink = await make(redis, { maxRecordBytes: 2_000 });
    const refused = await failureOf(sink.connect());
    expect(refused).toMatchObject({ kind: 'destination', code: 'WRONGTYPE' });
    expect(refused.message).toContain(`the key "${key}" holds a ${kind} (delete or rename that key`);
    expect(await redis.admin.keys('*')).toEqual([key]);
    await redis.admin.del(key);
    await sink.connect();
    const batches = [eventBatch(stream, 0), eventBatch(stream, 1, 1, { text: 'x'.repeat(3_000) })];
    await sink.write(batches);
    const more = [2, 3].map((seq) => eventBatch(stream, seq, 1, { text: seq === 2 ? 'x' : 'x'.repeat(3_000) }));
    await redis.admin.del(key);
    await spoil();
    const there = await contents(key);
    expect(await failureOf(sink.write(more))).toMatchObject({ kind: 'destination', code: 'WRONGTYPE', written: 0 });
    expect(await contents(key)).toEqual(there);
    await redis.admin.del(key);
    await persist(sink, more);
    expect((await records()).at(-1)).toEqual(documentsOf(more)[0]);
    expect(await redis.admin.xlen('kv-events:dead-letter')).toBe(key === 'kv-events:dead-letter' ? 1 : 2);
  });
});

describe.each(redisBackends())('a Redis that crashed (%s)', (backend) => {
  it.each(['always', 'everysec', 'no'] as const)(
    'has each record once when it comes back with its append-only file (%s)',
    async (persistence) => {
      const redis = await startRedis({ backend, persist: persistence });
      try {
        const sink = await make(redis, { commandTimeout: 500 });
        await sink.connect();
        const batches = Array.from({ length: 400 }, (_, seq) => eventBatch(stream, seq, 7));
        const codes = new Set<string>();
        const writing = (async () => {
          for (let at = 0; at < batches.length; at += 20) {
            for (const code of await persist(sink, batches.slice(at, at + 20))) codes.add(code);
          }
        })();
        for (const part of [0.2, 0.5, 0.8]) {
          const enough = async () => (await redis.admin.xlen('kv-events')) >= part * 2_800;
          await waitFor(enough, { what: `${part} of the records`, every: 1 });
          await redis.kill();
          await redis.start();
        }
        await writing;
        expect(codes.size).toBeGreaterThan(0);
        expect(await recordsIn(redis.admin, 'kv-events')).toEqual(documentsOf(batches));
      } finally {
        await redis.remove();
      }
    },
    60_000,
  );

  it('is noticed when it comes back with an older snapshot, and gets what it lacks, each record once', async () => {
    const redis = await startRedis({ backend });
    try {
      const sink = await make(redis);
      await sink.connect();
      const batches = eventBatches(stream, 0, 30);
      await sink.write(batches.slice(0, 10));
      await redis.admin.save();
      await sink.write(batches.slice(10, 20));
      await redis.kill();
      await redis.start();
      expect(await recordsIn(redis.admin, 'kv-events')).toEqual(documentsOf(batches.slice(0, 10)));
      const error = await failureUntil('STORE_LOST', () => sink.write(batches.slice(20)));
      expect(error.kind).toBe('reopen');
      expect(lacking(batches, await sink.connect())).toHaveLength(20);
      await sink.write(batches.slice(10));
      expect(await recordsIn(redis.admin, 'kv-events')).toEqual(documentsOf(batches));
    } finally {
      await redis.remove();
    }
  });
});

describe('a failover to a replica that lacks the tail', () => {
  it('is noticed, and what was lost is written again, each record once', async () => {
    const master = await startRedis({ backend: 'native' });
    const replica = await startRedis({ backend: 'native', args: ['--replicaof', '127.0.0.1', String(master.port)] });
    try {
      const sink = await make(master);
      await sink.connect();
      const batches = eventBatches(stream, 0, 20);
      await sink.write(batches.slice(0, 8));
      const caughtUp = async () => (await replica.admin.xlen('kv-events')) === documentsOf(batches.slice(0, 8)).length;
      await waitFor(caughtUp, { what: 'the replica has all' });
      await replica.admin.replicaof('NO', 'ONE');
      await sink.write(batches.slice(8, 14));
      // The old master becomes the replica of the new one: it drops its tail, and refuses writes until the roles change back.
      await master.admin.replicaof('127.0.0.1', replica.port);
      await waitFor(async () => (await master.admin.xlen('kv-events')) === documentsOf(batches.slice(0, 8)).length, {
        what: 'the old master has lost its tail',
      });
      expect(await failureOf(sink.write(batches.slice(14)))).toMatchObject({ kind: 'transient', code: 'READONLY' });
      await master.admin.replicaof('NO', 'ONE');
      const error = await failureUntil('STORE_LOST', () => sink.write(batches.slice(14)));
      expect(error.kind).toBe('reopen');
      await sink.write(lacking(batches, await sink.connect()));
      expect(await recordsIn(master.admin, 'kv-events')).toEqual(documentsOf(batches));
    } finally {
      await Promise.all([master.remove(), replica.remove()]);
    }
  });
});

/** Calls again while the error has another code: a server that restarts refuses connections first. */
async function failureUntil(code: string, call: () => Promise<unknown>): Promise<SinkError> {
  let error: SinkError | undefined;
  await waitFor(
    async () => {
      error = await failureOf(call());
      return error.code === code;
    },
    { what: `an error ${code}` },
  );
  if (error === undefined) throw new Error('no error');
  return error;
}
