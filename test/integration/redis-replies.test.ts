import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import type { Fact } from '../../src/core/observer.ts';
import type { Sink } from '../../src/core/sink.ts';
import { documentsOf, eventBatch, eventBatches, testStream } from '../support/batches.ts';
import type { RedisService } from '../support/services/redis.ts';
import { redisBackends, startRedis } from '../support/services/redis.ts';
import { failureOf, makeRedisSink, recordsIn } from '../support/services/redis-sink.ts';
import { waitFor } from '../support/services/service.ts';

const stream = testStream();

describe.each(redisBackends())('Redis (%s) and the sink', (backend) => {
  let redis: RedisService;
  const sinks: Sink[] = [];

  beforeAll(async () => {
    redis = await startRedis({ backend });
  });
  beforeEach(() => redis.admin.flushall());
  afterEach(async () => {
    for (const sink of sinks.splice(0)) await sink.close();
  });
  afterAll(() => redis?.remove());

  async function connected(overrides: Parameters<typeof makeRedisSink>[0] = {}, seen: Fact[] = []): Promise<Sink> {
    const sink = await makeRedisSink({ url: redis.url, ...overrides }, seen);
    sinks.push(sink);
    await sink.connect();
    return sink;
  }

  const records = (key = 'kv-events') => recordsIn(redis.admin, key);

  it('appends nothing while memory is used up, and everything once when there is memory again', async () => {
    const sink = await connected();
    const batches = eventBatches(stream, 0, 30);
    await redis.admin.config('SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1');
    const error = await failureOf(sink.write(batches));
    expect(error).toMatchObject({ kind: 'destination', code: 'OOM', written: 0 });
    expect(error.message).toContain('maxmemory');
    expect(await records()).toEqual([]);
    await redis.admin.config('SET', 'maxmemory', '0');
    await sink.write(batches);
    expect(await records()).toEqual(documentsOf(batches));
  });

  it('trims what is too old even when Redis has no memory to append: retention mends a full Redis', async () => {
    const sink = await connected({ maxAge: 3_600_000 });
    for (let n = 1; n <= 40; n++) await redis.admin.xadd('kv-events', `${n}-0`, 'record', 'x'.repeat(100_000));
    const used = Number(/used_memory:(\d+)/.exec(await redis.admin.info('memory'))?.[1]);
    await redis.admin.config('SET', 'maxmemory', String(used - 1_000_000));
    const batches = eventBatches(stream, 0, 3);
    expect((await failureOf(sink.write(batches))).code).toBe('OOM');
    await waitFor(() => sink.write(batches).then(() => true), { what: 'the write succeeds' });
    await redis.admin.config('SET', 'maxmemory', '0');
    expect(await records()).toEqual(documentsOf(batches));
  });

  it.each(['at-least-once', 'exactly-once'] as const)(
    'trims what is too old, too, when it cannot even connect to a full Redis (%s)',
    async (delivery) => {
      for (let n = 1; n <= 40; n++) await redis.admin.xadd('kv-events', `${n}-0`, 'record', 'x'.repeat(100_000));
      const used = Number(/used_memory:(\d+)/.exec(await redis.admin.info('memory'))?.[1]);
      await redis.admin.config('SET', 'maxmemory', String(used - 1_000_000));
      const sink = await makeRedisSink({ url: redis.url, maxAge: 3_600_000, delivery });
      sinks.push(sink);
      expect(await failureOf(sink.connect())).toMatchObject({ kind: 'destination', code: 'OOM' });
      await waitFor(() => sink.connect().then(() => true), { what: 'the sink connects' });
      await redis.admin.config('SET', 'maxmemory', '0');
      await sink.write([eventBatch(stream, 0)]);
      expect((await records()).slice(-1)).toEqual(documentsOf([eventBatch(stream, 0)]));
    },
  );

  it('names a key of the wrong type and goes on when it is gone', async () => {
    await redis.admin.set('kv-events', 'text');
    const refused = await makeRedisSink({ url: redis.url });
    sinks.push(refused);
    const error = await failureOf(refused.connect());
    expect(error).toMatchObject({ kind: 'destination', code: 'WRONGTYPE' });
    expect(error.message).toMatch(/"kv-events" holds a string.*delete or rename/);
    await redis.admin.del('kv-events');
    await refused.connect();
    await redis.admin.lpush('kv-events', 'x');
    expect((await failureOf(refused.write(eventBatches(stream, 0, 1)))).code).toBe('WRONGTYPE');
    await redis.admin.del('kv-events');
    await refused.write(eventBatches(stream, 0, 1));
    expect(await records()).toEqual(documentsOf(eventBatches(stream, 0, 1)));
  });

  it('appends to none of several keys when one of them has the wrong type', async () => {
    const sink = await connected({ stream: 'kv:{pod}' });
    await redis.admin.set('kv:b', 'text');
    const batches = [eventBatch(testStream('a'), 0), eventBatch(testStream('b'), 0)];
    const error = await failureOf(sink.write(batches));
    expect(error).toMatchObject({ code: 'WRONGTYPE', written: 0 });
    expect(error.message).toContain('"kv:b"');
    expect(await redis.admin.exists('kv:a')).toBe(0);
  });

  it('sends its script again after SCRIPT FLUSH, and the records once', async () => {
    const sink = await connected();
    await sink.write([eventBatch(stream, 0)]);
    await redis.admin.script('FLUSH');
    await sink.write([eventBatch(stream, 1)]);
    expect(await records()).toEqual(documentsOf([eventBatch(stream, 0), eventBatch(stream, 1)]));
  });

  it('waits while the server is a replica, and goes on when it is the master', async () => {
    const sink = await connected();
    await redis.admin.replicaof('127.0.0.1', 1);
    expect(await failureOf(sink.write([eventBatch(stream, 0)]))).toMatchObject({ kind: 'transient', code: 'READONLY' });
    await redis.admin.replicaof('NO', 'ONE');
    await sink.write([eventBatch(stream, 0)]);
    expect(await records()).toHaveLength(1);
  });

  it('waits for replicas that the server insists on', async () => {
    const sink = await connected();
    await redis.admin.config('SET', 'min-replicas-to-write', '1');
    const error = await failureOf(sink.write([eventBatch(stream, 0)]));
    await redis.admin.config('SET', 'min-replicas-to-write', '0');
    expect(error).toMatchObject({ kind: 'transient', code: 'NOREPLICAS' });
    await sink.write([eventBatch(stream, 0)]);
    expect(await records()).toHaveLength(1);
  });

  it('opens another connection when the server closed the idle one', async () => {
    const sink = await connected();
    await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await waitFor(() => sink.write([eventBatch(stream, 0)]).then(() => true), { what: 'a write succeeds' });
    expect(new Set(await records()).size).toBe(1);
  });

  it('does not pile up copies, nor sockets, while the server is frozen', async () => {
    const sink = await connected({ commandTimeout: 200, connectTimeout: 200 });
    const batch = eventBatch(stream, 0);
    const sockets = openSockets();
    await redis.pause();
    for (let n = 0; n < 4; n++) {
      expect(await failureOf(sink.write([batch]))).toMatchObject({ kind: 'transient', written: 0 });
    }
    await sink.close();
    await waitFor(() => openSockets() < sockets, { what: 'the sockets are gone' }).finally(() => redis.resume());
    const again = await connected();
    await again.write([batch]);
    // One from the write that was cut off, one from the last.
    expect((await records()).length).toBeLessThanOrEqual(2);
  });

  it('shows its name in CLIENT LIST', async () => {
    await connected();
    expect(await redis.admin.client('LIST')).toContain('name=kv-event-bridge:test-bridge');
  });

  it('keeps about as many entries as asked for, the newest', async () => {
    const sink = await connected({ maxLen: 1_000 });
    const batches = Array.from({ length: 30 }, (_, seq) => eventBatch(stream, seq, 100));
    await sink.write(batches);
    const kept = await records();
    expect(kept.length).toBeGreaterThanOrEqual(1_000);
    expect(kept.length).toBeLessThan(1_200);
    expect(kept).toEqual(documentsOf(batches).slice(-kept.length));
  });

  it('removes entries older than asked for, and obeys maxLen at the same time', async () => {
    for (let n = 1; n <= 300; n++) await redis.admin.xadd('kv-events', `${n}-0`, 'record', 'old');
    const sink = await connected({ maxAge: 60_000, maxLen: 150 });
    await sink.write([eventBatch(stream, 0, 100)]);
    const kept = await records();
    // Whole nodes of 100 entries go; the one that has new entries, too, stays.
    expect(kept.slice(-100)).toEqual(documentsOf([eventBatch(stream, 0, 100)]));
    expect(kept.length).toBeLessThan(200);
    await sink.write([eventBatch(stream, 1, 300)]);
    expect((await records()).length).toBeLessThan(250);
  });

  it('writes each stream to its own key, in order, and hostile names to where they can do no harm', async () => {
    const seen: Fact[] = [];
    const sink = await connected({ stream: 'kv-events:{pod}' }, seen);
    const pods = ['10.0.0.1', 'a\n\u0000"b', '{x}', 'dead-letter', 'p'.repeat(2_000)];
    const batches = [0, 1].flatMap((seq) => pods.map((pod) => eventBatch(testStream(pod), seq, 2)));
    expect(await sink.write(batches)).toEqual({ deadLettered: 8, batchesDeadLettered: 4 });
    for (const pod of pods.slice(0, 3)) {
      expect(await records(`kv-events:${pod}`)).toEqual(
        documentsOf([0, 1].map((seq) => eventBatch(testStream(pod), seq, 2))),
      );
    }
    const letters = (await records('kv-events:dead-letter')).map((text) => JSON.parse(text));
    expect(letters.map(({ type, reason, seq, index }) => [type, reason, seq, index])).toEqual(
      ['0', '1'].flatMap((seq) =>
        ['reserved_target', 'refused'].flatMap((reason) => [0, 1].map((index) => ['DeadLetter', reason, seq, index])),
      ),
    );
    expect(seen).toEqual([
      { fact: 'dead-lettered', sink: 'redis', reason: 'reserved_target', records: 4 },
      { fact: 'dead-lettered', sink: 'redis', reason: 'refused', records: 4 },
    ]);
    expect((await redis.admin.keys('*')).toSorted()).toEqual(
      [
        'kv-events:checkpoints',
        'kv-events:dead-letter',
        ...pods.slice(0, 3).map((pod) => `kv-events:${pod}`),
      ].toSorted(),
    );
  });

  it('speaks RESP2, writes to another database and another field', async () => {
    const sink = await connected({ url: `${redis.url}/3`, protocol: 2, field: 'd' });
    await sink.write([eventBatch(stream, 0)]);
    await redis.admin.select(3);
    const found = await recordsIn(redis.admin, 'kv-events', 'd');
    await redis.admin.select(0);
    expect(found).toEqual(documentsOf([eventBatch(stream, 0)]));
  });

  it('refuses a database that the server has not, instead of writing to another', async () => {
    const sink = await makeRedisSink({ url: `${redis.url}/999` });
    sinks.push(sink);
    expect(await failureOf(sink.connect())).toMatchObject({ kind: 'destination', code: 'DATABASE' });
    expect(await failureOf(sink.write([eventBatch(stream, 0)]))).toMatchObject({ code: 'DATABASE' });
    expect(await redis.admin.dbsize()).toBe(0);
  });

  it('counts as written what came before the call that failed', async () => {
    const sink = await connected({ stream: 'kv:{pod}' });
    await redis.admin.set('kv:late', 'text');
    const early: RecordBatch[] = Array.from({ length: 5 }, (_, seq) => eventBatch(testStream('early'), seq, 500));
    const error = await failureOf(sink.write([...early, eventBatch(testStream('late'), 0)]));
    expect(error).toMatchObject({ code: 'WRONGTYPE', written: 4 });
    expect(await records('kv:early')).toEqual(documentsOf(early.slice(0, 4)));
  });
});

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
}
