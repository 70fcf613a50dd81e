import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import { checkpointText, parseCheckpoint } from '../../src/core/checkpoint.ts';
import type { Fact } from '../../src/core/observer.ts';
import type { Sink } from '../../src/core/sink.ts';
import { batchOf, documentsOf, eventBatch, eventBatches, eventDocument, testStream } from '../support/batches.ts';
import { RedisProxy } from '../support/redis-proxy.ts';
import type { RedisService } from '../support/services/redis.ts';
import { redisBackends, startRedis } from '../support/services/redis.ts';
import { failureOf, makeRedisSink, recordsIn } from '../support/services/redis-sink.ts';

const stream = testStream();
const hash = 'kv-events:checkpoints';
const field = `test-bridge/${stream.id}`;

describe.each(redisBackends())('exactly once on Redis (%s)', (backend) => {
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

  type Given = Parameters<typeof makeRedisSink>[0] & { readonly bridge?: string; readonly seen?: Fact[] };

  async function make({ bridge, seen, ...overrides }: Given = {}): Promise<Sink> {
    const sink = await makeRedisSink({ url: proxy.url, delivery: 'exactly-once', ...overrides }, seen, bridge);
    sinks.push(sink);
    return sink;
  }

  async function connected(given: Given = {}): Promise<Sink> {
    const sink = await make(given);
    await sink.connect();
    return sink;
  }

  const records = (key = 'kv-events') => recordsIn(redis.admin, key);
  const checkpoint = async (name = field) => parseCheckpoint((await redis.admin.hget(hash, name)) ?? '');

  it('holds nothing at first, then the checkpoint of the last batch of each stream, in a form for people', async () => {
    const sink = await make();
    expect(await sink.connect()).toEqual(new Map());
    const other = testStream('10.0.0.6', null);
    const batches = [...eventBatches(stream, 0, 4), ...eventBatches(other, 0, 2)];
    await sink.write(batches);
    expect(await redis.admin.hget(hash, field)).toBe(
      '{"epoch":1763800000000,"seq":"3","sub":0,"ts":1763800000.003,"hash":3}',
    );
    const held = await (await make()).connect();
    expect(held).toEqual(
      new Map([
        [stream.id, batches[3]?.checkpoint],
        [other.id, batches[5]?.checkpoint],
      ]),
    );
    expect((await redis.admin.hkeys(hash)).toSorted()).toEqual(
      ['test-bridge', field, `test-bridge/${other.id}`].toSorted(),
    );
  });

  it.each(['cut', 'silence'] as const)(
    'appends nothing twice when the answer is lost after Redis has executed the write (%s)',
    async (loss) => {
      const sink = await connected({ commandTimeout: 300 });
      const batches = eventBatches(stream, 0, 30);
      await sink.write(batches.slice(0, 5));
      proxy.loseAnswer(0, loss);
      expect(await failureOf(sink.write(batches.slice(5, 20)))).toMatchObject({ kind: 'transient', written: 0 });
      expect(await redis.admin.xlen('kv-events')).toBe(documentsOf(batches.slice(0, 20)).length);
      await sink.write(batches.slice(5, 20));
      await sink.write(batches.slice(20));
      expect(await records()).toEqual(documentsOf(batches));
      expect(await checkpoint()).toEqual(batches[29]?.checkpoint);
    },
  );

  it('appends of a flush that is cut differently the second time only what is not there', async () => {
    const sink = await connected();
    const streams = [testStream('a'), testStream('b')];
    const batches = Array.from({ length: 10 }, (_, seq) => streams.map((one) => eventBatch(one, seq, 2))).flat();
    proxy.loseAnswer();
    await failureOf(sink.write(batches.slice(0, 9)));
    await sink.write(batches.slice(0, 3));
    await sink.write(batches.slice(3, 12));
    await sink.write(batches.slice(7));
    expect(await records()).toEqual(documentsOf(batches));
  });

  it('keeps order and number across keys of one flush, dead letters included', async () => {
    const seen: Fact[] = [];
    const sink = await connected({ stream: 'kv-events:{pod}', maxRecordBytes: 2_000, seen });
    const pods = ['a', 'dead-letter', 'b'].map((pod) => testStream(pod));
    const mixed = (seq: number) =>
      batchOf(
        pods[0] ?? stream,
        ['x', 'y'.repeat(3_000), 'z'].map((text, index) =>
          eventDocument(pods[0] ?? stream, { seq, index, count: 3, text }),
        ),
        seq,
      );
    const batches = [0, 1, 2].flatMap((seq) => [mixed(seq), ...pods.slice(1).map((pod) => eventBatch(pod, seq, 2))]);
    proxy.loseAnswer();
    await failureOf(sink.write(batches.slice(0, 7)));
    expect(seen).toEqual([]);
    expect(await sink.write(batches)).toEqual({ deadLettered: 9, batchesDeadLettered: 6 });
    expect(seen.map((fact) => ('reason' in fact && 'records' in fact ? [fact.reason, fact.records] : fact))).toEqual([
      ['too_large', 3],
      ['reserved_target', 6],
    ]);
    const kept = documentsOf(batches).filter((text) => text.length < 2_000);
    expect(await records('kv-events:a')).toEqual(kept.filter((text) => JSON.parse(text).pod === 'a'));
    expect(await records('kv-events:b')).toEqual(kept.filter((text) => JSON.parse(text).pod === 'b'));
    const letters = (await records('kv-events:dead-letter')).map((text) => JSON.parse(text).id);
    expect(letters).toHaveLength(9);
    expect(new Set(letters).size).toBe(9);
  });

  it('reports no batch with dead letters as written by an error, so that each is counted once', async () => {
    const sink = await connected({ maxRecordBytes: 2_000 });
    const large = batchOf(stream, [eventDocument(stream, { seq: 1, text: 'x'.repeat(3_000) })], 1);
    const batches = [eventBatch(stream, 0, 600), large, eventBatch(stream, 2, 600), eventBatch(stream, 3, 600)];
    proxy.loseAnswer(2);
    expect(await failureOf(sink.write(batches))).toMatchObject({ written: 1 });
    expect(await sink.write(batches.slice(1))).toEqual({ deadLettered: 1, batchesDeadLettered: 1 });
    expect(await redis.admin.xlen('kv-events')).toBe(1_800);
    expect(await redis.admin.xlen('kv-events:dead-letter')).toBe(1);
  });

  it.each([0, 1, 2, 3])(
    'completes a batch of several calls whose call %i was executed without an answer',
    async (n) => {
      const batches = [eventBatch(stream, 0), eventBatch(stream, 1, 3_500), eventBatch(stream, 2)];
      const sink = await connected();
      proxy.loseAnswer(n + 1);
      const error = await failureOf(sink.write(batches));
      expect(error.written).toBe(1);
      expect(await checkpoint()).toEqual(batches[n < 3 ? 0 : 2]?.checkpoint);
      await sink.write(batches.slice(error.written));
      expect(await records()).toEqual(documentsOf(batches));
      expect((await redis.admin.hkeys(hash)).toSorted()).toEqual(['test-bridge', field]);
    },
  );

  it('completes such a batch after a restart, too, from a replay whose documents have other lengths', async () => {
    const before = eventBatch(stream, 0, 2_500);
    const first = await connected();
    proxy.loseAnswer(1);
    await failureOf(first.write([before]));
    await first.close();
    const second = await make();
    expect(await second.connect()).toEqual(new Map());
    const again = documentsOf([before]).map((text) => text.replace('"origin":"live"', '"origin":"replay"'));
    await second.write([batchOf(stream, again, 0), eventBatch(stream, 1)]);
    const expected = [...documentsOf([before]).slice(0, 2_000), ...again.slice(2_000)];
    expect(await records()).toEqual([...expected, ...documentsOf([eventBatch(stream, 1)])]);
  });

  it('begins such a batch anew when it has another number of records now: `record` was changed meanwhile', async () => {
    const first = await connected();
    proxy.loseAnswer(0);
    await failureOf(first.write([eventBatch(stream, 0, 1_500)]));
    const second = await connected();
    await second.write([eventBatch(stream, 0, 3)]);
    expect((await records()).slice(1_000)).toEqual(documentsOf([eventBatch(stream, 0, 3)]));
    expect(await redis.admin.hkeys(hash)).not.toContain(`test-bridge:part/${stream.id}`);
  });

  it('takes a batch without records, whose checkpoint the next one follows', async () => {
    const sink = await connected();
    await sink.write([eventBatch(stream, 0), batchOf(stream, [], 1)]);
    await sink.write([eventBatch(stream, 2)]);
    expect(await records()).toHaveLength(2);
  });

  it.each([0n, 9n, 99n, 2n ** 53n, 9_999_999_999_999_999_999n, 2n ** 64n - 2n])(
    'tells positions apart that follow each other at %s',
    async (seq) => {
      const sink = await connected();
      const at = (number: bigint | null, sub: number): RecordBatch['checkpoint'] => ({
        ...eventBatch(stream, 0).checkpoint,
        position: { epoch: 1_763_800_000_000, seq: number, sub },
      });
      const steps = [at(null, 0), at(seq, 0), at(seq, 1), at(seq + 1n, 0)];
      const batches = steps.map((step, n) => ({
        ...eventBatch(stream, n),
        checkpoint: step,
        follows: steps[n - 1]?.position ?? null,
      }));
      for (const [n, batch] of batches.entries()) {
        await sink.write([batch]);
        await sink.write(batches.slice(0, n + 1));
      }
      expect(await records()).toEqual(documentsOf(batches));
    },
  );

  it('accepts a batch that begins before what is there ends, and skips nothing of the next epoch', async () => {
    const sink = await connected();
    await sink.write(eventBatches(stream, 0, 8));
    const wide = { ...eventBatch(stream, 9), follows: { epoch: 1_763_800_000_000, seq: 5n, sub: 0 } };
    await sink.write([wide]);
    const restarted = eventBatch(stream, 0);
    const position = { epoch: 1_763_800_000_001, seq: 0n, sub: 0 };
    await sink.write([{ ...restarted, checkpoint: { ...restarted.checkpoint, position } }]);
    expect((await records()).slice(-2)).toEqual(documentsOf([wide, restarted]));
  });

  it('reads checkpoints of its own name only, and says which of them nobody can read', async () => {
    const mine = eventBatch(stream, 3).checkpoint;
    await redis.admin.hset(hash, {
      [field]: checkpointText(mine),
      'test-bridge-2': '1 x',
      [`test-bridge-2/${stream.id}`]: checkpointText(mine),
      [`other/${stream.id}`]: 'nonsense',
      'test-bridge:lease': '1 x 2',
      'test-bridge/a/b/0': 'nonsense',
      'test-bridge/a/b/1': '{ "epoch": 1, "seq": "1", "sub": 0, "ts": null, "hash": null }',
    });
    for (const delivery of ['exactly-once', 'at-least-once'] as const) {
      const seen: Fact[] = [];
      const sink = await make({ delivery, seen });
      expect(await sink.connect()).toEqual(new Map([[stream.id, mine]]));
      expect(seen.map((fact) => fact.fact === 'sink-note' && fact.code)).toEqual(['BAD_CHECKPOINT', 'BAD_CHECKPOINT']);
      expect(JSON.stringify(seen)).toContain('test-bridge/a/b/0');
    }
  });

  it('reads thousands of checkpoints in several steps', async () => {
    const sink = await connected();
    const batches = Array.from({ length: 3_000 }, (_, n) => eventBatch(testStream(`pod-${n}`), 0));
    await sink.write(batches);
    const held = await (await make()).connect();
    expect(held?.size).toBe(3_000);
    expect(await records()).toEqual(documentsOf(batches));
  });

  it('sends its scripts again after SCRIPT FLUSH', async () => {
    const sink = await connected();
    await sink.lease?.renew(10_000);
    await redis.admin.script('FLUSH');
    await sink.write([eventBatch(stream, 0)]);
    await sink.lease?.renew(10_000);
    await sink.connect();
    expect(await records()).toHaveLength(1);
  });

  describe('and at least once', () => {
    it('moves the checkpoints with the records, and skips nothing, whatever the store holds', async () => {
      const sink = await make({ delivery: 'at-least-once' });
      expect(await sink.connect()).toEqual(new Map());
      expect(sink.lease).toBeUndefined();
      const batches = eventBatches(stream, 0, 4);
      await sink.write(batches.slice(0, 2));
      expect(await checkpoint()).toEqual(batches[1]?.checkpoint);
      await sink.write(batches.slice(0, 2));
      await sink.write(batches.slice(3));
      expect(await checkpoint()).toEqual(batches[3]?.checkpoint);
      const expected = [batches.slice(0, 2), batches.slice(0, 2), batches.slice(3)].flatMap(documentsOf);
      expect(await records()).toEqual(expected);
      expect(await (await make({ delivery: 'at-least-once' })).connect()).toEqual(
        new Map([[stream.id, batches[3]?.checkpoint]]),
      );
    });

    it('moves the checkpoint past a batch of several calls only with the last of them', async () => {
      const sink = await connected({ delivery: 'at-least-once' });
      proxy.loseAnswer(1);
      const batches = [eventBatch(stream, 0), eventBatch(stream, 1, 2_500)];
      expect((await failureOf(sink.write(batches))).written).toBe(1);
      expect(await checkpoint()).toEqual(batches[0]?.checkpoint);
      await sink.write(batches.slice(1));
      expect(await checkpoint()).toEqual(batches[1]?.checkpoint);
      expect((await records()).length).toBeGreaterThan(2_501);
    });

    it('does not disturb a second bridge of the same name', async () => {
      const [one, two] = [
        await connected({ delivery: 'at-least-once' }),
        await connected({ delivery: 'at-least-once' }),
      ];
      for (const seq of [0, 1]) {
        await one?.write([eventBatch(stream, seq)]);
        await two?.write([eventBatch(stream, seq)]);
      }
      expect(await records()).toHaveLength(4);
    });

    it('hands over to exactly-once and back', async () => {
      const batches = eventBatches(stream, 0, 6);
      await (await connected({ delivery: 'at-least-once' })).write(batches.slice(0, 2));
      await (await connected()).write(batches.slice(1, 4));
      await (await connected({ delivery: 'at-least-once' })).write(batches.slice(4));
      expect(await records()).toEqual(documentsOf(batches));
      expect(await (await make()).connect()).toEqual(new Map([[stream.id, batches[5]?.checkpoint]]));
    });
  });
});
