import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Sink } from '../../src/core/sink.ts';
import type { SinkHarness } from '../contract/harness.ts';
import { excuseFor, rules, runRule } from '../contract/rules.ts';
import { sinkContract } from '../contract/sink.contract.ts';
import { batchOf, eventDocument, testStream } from '../support/batches.ts';
import type { RedisService } from '../support/services/redis.ts';
import { redisBackends, startRedis } from '../support/services/redis.ts';
import { makeRedisSink, recordsIn } from '../support/services/redis-sink.ts';
import { waitFor } from '../support/services/service.ts';

const deliveries = ['at-least-once', 'exactly-once'] as const;

describe.each(redisBackends())('Redis (%s)', (backend) => {
  let redis: RedisService;

  beforeAll(async () => {
    redis = await startRedis({ backend, persist: 'always' });
  });
  afterAll(() => redis?.remove());

  const kill = { break: () => redis.kill(), heal: () => redis.start() };
  describe.each(deliveries)('%s', (delivery) => {
    sinkContract('redis, outage by kill -9', async () => new RedisHarness(redis, kill, delivery), {
      checkpoints: { delivery },
    });
  });

  // A frozen server executes what it had received when it goes on, so records that `write` reported as failed may
  // appear even after `close`: at least once. The rule that forbids it is about sinks whose failed writes are void.
  const freeze = { break: () => redis.pause(), heal: () => redis.resume() };
  const frozen = deliveries.flatMap((delivery) => {
    const options = { checkpoints: { delivery } };
    return rules
      .filter((rule) => rule.needs?.includes('outage') && rule.title !== 'closes during an outage')
      .filter((rule) => excuseFor(rule, options) === undefined)
      .map((rule) => [delivery, rule.title, rule, options] as const);
  });
  it.each(frozen)('%s, while the server is frozen: %s', async (delivery, _, rule, options) => {
    await runRule(rule, async () => new RedisHarness(redis, freeze, delivery), options);
  });
});

interface Outage {
  break(): Promise<void>;
  heal(): Promise<void>;
}

let number = 0;

class RedisHarness implements SinkHarness {
  readonly #redis: RedisService;
  readonly #outage: Outage;
  readonly #delivery: (typeof deliveries)[number];
  readonly #stream = `contract-${number++}`;
  #broken = false;

  constructor(redis: RedisService, outage: Outage, delivery: (typeof deliveries)[number]) {
    this.#redis = redis;
    this.#outage = outage;
    this.#delivery = delivery;
  }

  make(): Promise<Sink> {
    const { url } = this.#redis;
    return makeRedisSink({ url, stream: this.#stream, maxRecordBytes: 300_000, delivery: this.#delivery });
  }

  readBack(): Promise<string[]> {
    return recordsIn(this.#redis.admin, this.#stream);
  }

  async breakDestination(): Promise<void> {
    await this.#outage.break();
    this.#broken = true;
  }

  async healDestination(): Promise<void> {
    await this.#outage.heal();
    this.#broken = false;
    await waitFor(async () => (await this.#redis.admin.ping()) === 'PONG', { what: 'Redis answers again' });
  }

  async poison() {
    const stream = testStream();
    const small = (index: number) => eventDocument(stream, { seq: 7, index, count: 3 });
    const large = eventDocument(stream, { seq: 7, index: 1, count: 3, text: 'x'.repeat(300_000) });
    const { id } = JSON.parse(large) as { id: string };
    return {
      batches: [{ ...batchOf(stream, [small(0), large, small(2)], 7), follows: null }],
      ids: [id],
      deadLetters: () => recordsIn(this.#redis.admin, `${this.#stream}:dead-letter`),
    };
  }

  async dispose(): Promise<void> {
    if (this.#broken) await this.healDestination();
    await this.#redis.admin.del(this.#stream, `${this.#stream}:dead-letter`, `${this.#stream}:checkpoints`);
  }
}
