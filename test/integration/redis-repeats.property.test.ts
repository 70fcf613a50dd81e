import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import { comparePositions } from '../../src/core/checkpoint.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';
import { documentsOf, eventBatch, testStream } from '../support/batches.ts';
import { RedisProxy } from '../support/redis-proxy.ts';
import type { RedisService } from '../support/services/redis.ts';
import { startRedis } from '../support/services/redis.ts';
import { makeRedisSink, recordsIn } from '../support/services/redis-sink.ts';

const pods = ['a', 'b', 'c'];

/** Records of one batch: mostly few, now and then more than one call takes. */
const size = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 1, arbitrary: fc.integer({ min: 600, max: 2_300 }) },
);
const planned = fc.array(fc.record({ pod: fc.constantFrom(...pods), size }), { minLength: 1, maxLength: 25 });

/** One write: how many batches before those that are surely written it repeats, how many it goes on, what becomes of it. */
const attempt = fc.record({
  back: fc.integer({ min: 0, max: 6 }),
  ahead: fc.integer({ min: 1, max: 12 }),
  /** Answers that come before one is lost; null: all come. */
  loseAfter: fc.option(fc.integer({ min: 0, max: 3 })),
  /** A new bridge of the same name afterwards, that begins with what the store holds. */
  restart: fc.boolean(),
});

interface Run {
  readonly template: string;
  readonly planned: readonly { readonly pod: string; readonly size: number }[];
  readonly attempts: readonly {
    readonly back: number;
    readonly ahead: number;
    readonly loseAfter: number | null;
    readonly restart: boolean;
  }[];
}

describe('any repeats of any cuts', () => {
  let redis: RedisService;
  let proxy: RedisProxy;

  beforeAll(async () => {
    redis = await startRedis({ backend: 'native' });
    proxy = await RedisProxy.listen(redis.port);
  });
  beforeEach(() => redis.admin.flushall());
  afterAll(async () => {
    await proxy?.close();
    await redis?.remove();
  });

  async function open(template: string): Promise<readonly [Sink, Awaited<ReturnType<Sink['connect']>>]> {
    const sink = await makeRedisSink({ url: proxy.url, delivery: 'exactly-once', stream: template });
    return [sink, await sink.connect()];
  }

  async function play({ template, planned, attempts }: Run): Promise<void> {
    await redis.admin.flushall();
    const batches = batchesOf(planned);
    let [sink, held] = await open(template);
    /** Batches before this one are surely there. */
    let done = 0;
    try {
      for (const { back, ahead, loseAfter, restart } of attempts) {
        const from = Math.max(0, done - back);
        const part = batches.slice(from, done + ahead);
        if (loseAfter !== null) proxy.loseAnswer(loseAfter);
        done = Math.max(done, from + (await writtenOf(sink, part)));
        proxy.getThrough();
        if (!restart) continue;
        await sink.close();
        [sink, held] = await open(template);
        for (const batch of batches.slice(0, done)) expect(holds(held, batch)).toBe(true);
      }
      await sink.write(batches.slice(done));
      await expectOnce(template, batches);
      [sink, held] = await open(template);
      for (const batch of batches) expect(holds(held, batch)).toBe(true);
      expect((await redis.admin.hkeys('kv-events:checkpoints')).filter((name) => name.includes(':part/'))).toEqual([]);
    } finally {
      await sink.close();
    }
  }

  async function expectOnce(template: string, batches: readonly RecordBatch[]): Promise<void> {
    for (const pod of template.includes('{') ? pods : [null]) {
      const there = await recordsIn(redis.admin, pod === null ? template : template.replace('{pod}', pod));
      // Records of different streams in one key: each stream keeps its order.
      for (const one of pod === null ? pods : [pod]) {
        const expected = documentsOf(batches.filter(({ stream }) => stream.pod === one));
        const { id } = testStream(one);
        expect(there.filter((text) => text.includes(`"stream":"${id}"`))).toEqual(expected);
      }
    }
  }

  it('never append a record twice, lose one or change their order', async () => {
    const template = fc.constantFrom('kv-events', 'kv-events:{pod}');
    const run = fc.record({ template, planned, attempts: fc.array(attempt, { maxLength: 12 }) });
    await fc.assert(fc.asyncProperty(run, play), { numRuns: 60, endOnFailure: true });
    expect(proxy.lost, 'answers that were lost').toBeGreaterThan(40);
  }, 120_000);
});

function batchesOf(planned: Run['planned']): RecordBatch[] {
  const numbers = new Map<string, number>();
  return planned.map(({ pod, size }) => {
    const seq = numbers.get(pod) ?? 0;
    numbers.set(pod, seq + 1);
    return eventBatch(testStream(pod), seq, size, { tokens: 1 });
  });
}

async function writtenOf(sink: Sink, batches: readonly RecordBatch[]): Promise<number> {
  try {
    await sink.write(batches);
    return batches.length;
  } catch (error) {
    if (!(error instanceof SinkError) || error.kind !== 'transient') throw error;
    return error.written;
  }
}

function holds(held: Awaited<ReturnType<Sink['connect']>>, { stream, checkpoint }: RecordBatch): boolean {
  const there = held?.get(stream.id)?.position;
  return there !== undefined && comparePositions(there, checkpoint.position) >= 0;
}
