import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import type { Sink } from '../../src/core/sink.ts';
import { documentsOf, eventBatch, eventBatches, testStream } from '../support/batches.ts';
import { RedisProxy } from '../support/redis-proxy.ts';
import type { RedisService } from '../support/services/redis.ts';
import { redisBackends, startRedis } from '../support/services/redis.ts';
import { failureOf, makeRedisSink, recordsIn } from '../support/services/redis-sink.ts';
import { waitFor } from '../support/services/service.ts';

const stream = testStream();
const hash = 'kv-events:checkpoints';

describe.each(redisBackends())('bridges of one name on Redis (%s)', (backend) => {
  let redis: RedisService;
  let proxy: RedisProxy;
  const sinks: Sink[] = [];

  beforeAll(async () => {
    redis = await startRedis({ backend });
    proxy = await RedisProxy.listen(redis.port);
  });
  beforeEach(() => redis.admin.flushall());
  afterEach(async () => {
    for (const sink of sinks.splice(0)) await sink.close();
  });
  afterAll(async () => {
    await proxy?.close();
    await redis?.remove();
  });

  type Overrides = Parameters<typeof makeRedisSink>[0];

  async function make(overrides: Overrides = {}, bridge?: string): Promise<Sink> {
    const sink = await makeRedisSink({ url: redis.url, delivery: 'exactly-once', ...overrides }, [], bridge);
    sinks.push(sink);
    return sink;
  }

  async function connected(overrides: Overrides = {}, bridge?: string): Promise<Sink> {
    const sink = await make(overrides, bridge);
    await sink.connect();
    return sink;
  }

  const records = () => recordsIn(redis.admin, 'kv-events');

  it('lets the newer write and stops the older, whose batch is not appended', async () => {
    const older = await connected();
    await older.write([eventBatch(stream, 0)]);
    const newer = await make();
    expect(await newer.connect()).toEqual(new Map([[stream.id, eventBatch(stream, 0).checkpoint]]));
    const error = await failureOf(older.write([eventBatch(stream, 1)]));
    expect(error).toMatchObject({ kind: 'fenced', code: 'FENCED', written: 0 });
    expect(error.message).toContain('"test-bridge" has taken over');
    expect(await failureOf(older.write([eventBatch(stream, 1)]))).toMatchObject({ kind: 'fenced' });
    await newer.write(eventBatches(stream, 1, 2));
    expect(await records()).toEqual(documentsOf([eventBatch(stream, 0), ...eventBatches(stream, 1, 2)]));
  });

  it('lets exactly one of many that start at once write, each record once', async () => {
    const racing = await Promise.all(Array.from({ length: 6 }, () => make()));
    const batches = eventBatches(stream, 0, 40);
    const ends = await Promise.all(
      racing.map(async (sink) => {
        try {
          const held = await sink.connect();
          const seq = held?.get(stream.id)?.position.seq;
          for (const batch of batches.slice(Number((seq ?? -1n) + 1n))) await sink.write([batch]);
          return 'done';
        } catch (error) {
          return (error as { code?: string }).code;
        }
      }),
    );
    expect(ends.toSorted()).toEqual(['FENCED', 'FENCED', 'FENCED', 'FENCED', 'FENCED', 'done']);
    expect(await records()).toEqual(documentsOf(batches));
  });

  it('does not let a write through that a frozen server executes after the take-over', async () => {
    const older = await connected({ commandTimeout: 300, connectTimeout: 300 });
    await older.write([eventBatch(stream, 0)]);
    await redis.pause();
    await failureOf(older.write([eventBatch(stream, 1)]));
    await redis.resume();
    const newer = await make();
    const held = await newer.connect();
    const next = Number(held?.get(stream.id)?.position.seq ?? -1n) + 1;
    await newer.write(eventBatches(stream, next, 1));
    await failureOf(older.write([eventBatch(stream, 1)]));
    const there = await records();
    expect(there).toHaveLength(new Set(there).size);
  });

  it('keeps its fence over a lost connection: only `connect` takes another', async () => {
    const sink = await connected();
    const fence = await redis.admin.hget(hash, 'test-bridge');
    await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await waitFor(() => sink.write([eventBatch(stream, 0)]).then(() => true), { what: 'a write succeeds' });
    expect(await redis.admin.hget(hash, 'test-bridge')).toBe(fence);
    await sink.connect();
    const [before, after] = [fence ?? '', (await redis.admin.hget(hash, 'test-bridge')) ?? ''];
    expect(Number(after.split(' ')[0])).toBeGreaterThan(Number(before.split(' ')[0]));
    await sink.write([eventBatch(stream, 1)]);
  });

  it('takes a higher fence of its own, from an attempt without an answer, for no rival: it connects again', async () => {
    const sink = await connected({ url: proxy.url });
    proxy.loseAnswer();
    expect(await failureOf(sink.connect())).toMatchObject({ kind: 'transient' });
    expect(await failureOf(sink.write([eventBatch(stream, 0)]))).toMatchObject({ kind: 'reopen', code: 'STORE_LOST' });
    await sink.connect();
    await sink.write([eventBatch(stream, 0)]);
    expect(await records()).toHaveLength(1);
  });

  it('rises over the last fence when the clock of the server was set back', async () => {
    const older = await connected();
    const ahead = `${Date.now() + 86_400_000} somebody`;
    await redis.admin.hset(hash, 'test-bridge', ahead);
    const newer = await connected();
    expect(await redis.admin.hget(hash, 'test-bridge')).toMatch(new RegExp(`^${Number(ahead.split(' ')[0]) + 1} `));
    await newer.write([eventBatch(stream, 0)]);
    expect(await failureOf(older.write([eventBatch(stream, 0)]))).toMatchObject({ code: 'FENCED' });
  });

  it('does not write before it has connected', async () => {
    const sink = await make();
    expect(await failureOf(sink.write([eventBatch(stream, 0)]))).toMatchObject({
      kind: 'reopen',
      code: 'NOT_CONNECTED',
    });
    expect(await redis.admin.dbsize()).toBe(0);
  });

  it('leaves a bridge of another name, and one at least once, alone', async () => {
    const sink = await connected();
    const other = await connected({}, 'test-bridge-2');
    const plain = await connected({ delivery: 'at-least-once' });
    for (const one of [sink, other, plain]) await one.write([eventBatch(stream, 0)]);
    expect(await records()).toHaveLength(3);
  });

  describe('and the lease', () => {
    const leaseOf = (sink: Sink): Lease => {
      if (sink.lease === undefined) throw new Error('this sink has no lease');
      return sink.lease;
    };

    it('is held from its renewal until it lapses by the clock of the server', async () => {
      const [active, standby] = [leaseOf(await connected()), leaseOf(await make())];
      expect(await standby.state(60_000)).toBe('free');
      await active.renew(60_000);
      expect(await standby.state(60_000)).toBe('held');
      const value = (await redis.admin.hget(hash, 'test-bridge:lease')) ?? '';
      const [fence, lapses] = [await redis.admin.hget(hash, 'test-bridge'), Number(value.split(' ').at(-1))];
      expect(value.startsWith(`${fence} `)).toBe(true);
      const [seconds] = await redis.admin.time();
      expect(lapses / 1_000 - Number(seconds)).toBeGreaterThan(50);
      await active.renew(50);
      await waitFor(async () => (await standby.state(50)) === 'free', { what: 'the lease lapses' });
    });

    it('is free at once when its owner releases it, who then may not release that of the next', async () => {
      const first = await connected();
      await leaseOf(first).renew(60_000);
      await leaseOf(first).release();
      const second = await make();
      expect(await leaseOf(second).state(60_000)).toBe('free');
      await second.connect();
      await leaseOf(second).renew(60_000);
      await leaseOf(first).release();
      expect(await leaseOf(await make()).state(60_000)).toBe('held');
      await leaseOf(second).release();
      expect(await redis.admin.hexists(hash, 'test-bridge:lease')).toBe(0);
    });

    it('cannot be renewed by a bridge that was fenced, nor before it has connected', async () => {
      const older = await connected();
      await leaseOf(older).renew(60_000);
      const newer = await make();
      expect(await failureOf(leaseOf(newer).renew(60_000))).toMatchObject({ kind: 'reopen', code: 'NOT_CONNECTED' });
      await leaseOf(newer).release();
      await newer.connect();
      const before = await redis.admin.hget(hash, 'test-bridge:lease');
      expect(await failureOf(leaseOf(older).renew(90_000))).toMatchObject({ kind: 'fenced', code: 'FENCED' });
      expect(await redis.admin.hget(hash, 'test-bridge:lease')).toBe(before);
    });

    it('is renewed while a write is under way, and a broken connection of one is none of the other', async () => {
      const sink = await connected({ url: proxy.url });
      await leaseOf(sink).renew(60_000);
      const batches = Array.from({ length: 60 }, (_, seq) => eventBatch(stream, seq, 200));
      const writing = sink.write(batches);
      for (let n = 0; n < 10; n++) await leaseOf(sink).renew(60_000);
      await writing;
      proxy.loseAnswer();
      expect(await failureOf(leaseOf(sink).renew(60_000))).toMatchObject({ kind: 'transient' });
      await sink.write([eventBatch(stream, 60)]);
      await leaseOf(sink).renew(60_000);
      expect(await records()).toEqual(documentsOf([...batches, eventBatch(stream, 60)]));
    });

    it('says what is wrong when Redis cannot keep it', async () => {
      const standby = leaseOf(await make());
      await redis.admin.set(hash, 'text');
      const error = await failureOf(standby.state(1_000));
      expect(error).toMatchObject({ kind: 'destination', code: 'WRONGTYPE' });
      expect(error.message).toContain('"kv-events:checkpoints" holds a string');
    });
  });
});
