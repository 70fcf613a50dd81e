import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { SinkError } from '../../../src/core/errors.ts';
import type { Fact } from '../../../src/core/observer.ts';
import type { Sink } from '../../../src/core/sink.ts';
import type { RedisConfig } from '../../../src/sinks/redis/settings.ts';
import { redisSettings } from '../../../src/sinks/redis/settings.ts';
import { redisSink } from '../../../src/sinks/redis.ts';
import { defaultsOf } from '../defaults.ts';

type Overrides = {
  readonly [K in keyof RedisConfig]?: RedisConfig[K] extends string | number | boolean | null
    ? RedisConfig[K]
    : Partial<RedisConfig[K]>;
};

/** A checked configuration of the Redis sink with short timeouts; what is not given has its default. */
export function redisConfig(overrides: Overrides = {}): RedisConfig {
  const base = defaultsOf(redisSettings);
  const config = {
    ...base,
    commandTimeout: 1_000,
    connectTimeout: 1_000,
    ...overrides,
    tls: { ...base.tls, ...overrides.tls },
    sentinel: { ...base.sentinel, ...overrides.sentinel },
    cluster: { ...base.cluster, ...overrides.cluster },
  };
  redisSink.check?.(config);
  return config;
}

/** A Redis sink as the bridge of that name makes it, not connected; facts go to `seen`. */
export function makeRedisSink(overrides: Overrides = {}, seen: Fact[] = [], bridge = 'test-bridge'): Promise<Sink> {
  const observe = (fact: Fact) => {
    seen.push(fact);
  };
  return redisSink.create(redisConfig(overrides), { bridge, stdout: process.stdout, observe });
}

/** Every record of a stream, oldest first. */
export async function recordsIn(client: Redis, key: string, field = 'record'): Promise<string[]> {
  const entries = await client.xrange(key, '-', '+');
  return entries.map(([id, fields]) => {
    const [name, record, ...more] = fields;
    if (name !== field || record === undefined || more.length > 0) throw new Error(`entry ${id} of ${key}: ${fields}`);
    return record;
  });
}

/** The error of a call that must fail. */
export async function failureOf(promise: Promise<unknown>): Promise<SinkError> {
  const outcome = await promise.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(SinkError);
  return outcome as SinkError;
}
