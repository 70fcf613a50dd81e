import type { Redis } from 'ioredis';
import { startRedis } from '../../test/support/services/redis.ts';
import type { Arrival, Destination, Target } from './target.ts';

type Entry = readonly [id: string, fields: readonly string[]];

const key = 'kv-events';
const page = 500;

/** A real Redis, started as the tests start theirs; records in memory, nothing on disk. */
export async function redisTarget(): Promise<Target> {
  const server = await startRedis();
  const info = await server.admin.info('server');
  return {
    version: `Redis ${/redis_version:(\S+)/.exec(info)?.[1] ?? '?'}`,
    async prepare() {
      await server.admin.flushall();
      return new RedisStream(server.admin, server.port);
    },
    close: () => server.remove(),
  };
}

class RedisStream implements Destination {
  readonly address: { readonly sink: 'redis'; readonly port: number; readonly key: string };
  readonly #admin: Redis;

  constructor(admin: Redis, port: number) {
    this.#admin = admin;
    this.address = { sink: 'redis', port, key };
  }

  count(): Promise<number> {
    return this.#admin.xlen(key);
  }

  async read(take: (record: string) => void): Promise<void> {
    let from = '-';
    for (;;) {
      const entries: readonly Entry[] = await this.#admin.xrange(key, from, '+', 'COUNT', page);
      for (const [, fields] of entries) take(fields[1] ?? '');
      if (entries.length < page) return;
      from = `(${entries.at(-1)?.[0]}`;
    }
  }

  async watch(take: (arrival: Arrival) => void): Promise<() => Promise<void>> {
    const client = this.#admin.duplicate({ commandTimeout: 60_000, enableOfflineQueue: true });
    const state = { isEnding: false };
    const reading = follow(client, take, state);
    return async () => {
      state.isEnding = true;
      await reading;
      client.disconnect();
    };
  }

  async remove(): Promise<void> {
    await this.#admin.flushall();
  }
}

async function follow(client: Redis, take: (arrival: Arrival) => void, state: { isEnding: boolean }): Promise<void> {
  let last = '0';
  while (!state.isEnding) {
    const streams = await client.xread('COUNT', page, 'BLOCK', 100, 'STREAMS', key, last);
    const at = performance.timeOrigin + performance.now();
    const entries: readonly Entry[] = streams?.[0]?.[1] ?? [];
    for (const [, fields] of entries) take({ record: fields[1] ?? '', at });
    last = entries.at(-1)?.[0] ?? last;
  }
}
