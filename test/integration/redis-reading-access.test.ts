import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CheckpointBook } from '../../src/core/checkpoint-book.ts';
import type { RecordReader } from '../../src/core/record-reader.ts';
import type { RedisConfig } from '../../src/sinks/redis/settings.ts';
import { redisSink } from '../../src/sinks/redis.ts';
import { documentsOf, eventBatch, testStream } from '../support/batches.ts';
import { Following, readAll } from '../support/reading.ts';
import type { RedisService } from '../support/services/redis.ts';
import { redisBackends, startRedis } from '../support/services/redis.ts';
import { makeRedisSink, redisConfig } from '../support/services/redis-sink.ts';

const stream = testStream();
const bridge = 'looked-at';
const documents = documentsOf([eventBatch(stream, 0, 3)]);
const page = readFileSync('docs/sinks/redis.md', 'utf8');

/** The rules of a user as the page tells operators to make it. */
function rulesOf(user: string): readonly string[] {
  const line = new RegExp(`^ACL SETUSER ${user} (.*)$`, 'm').exec(page)?.[1] ?? '';
  return [user, ...line.split(' ')];
}

const rightsOf = (rules: readonly string[]) => rules.filter((rule) => rule.startsWith('+'));

describe.each(redisBackends())('rights that reading needs (%s)', (backend) => {
  let redis: RedisService;
  const open: { close(): Promise<void> }[] = [];
  const followings: Following[] = [];

  beforeAll(async () => {
    redis = await startRedis({ backend });
  });
  afterAll(() => redis?.remove());
  beforeEach(async () => {
    await redis.admin.flushall();
    await redis.admin.script('FLUSH');
    const sink = await makeRedisSink({ url: redis.url }, [], bridge);
    await sink.connect();
    await sink.write([eventBatch(stream, 0, 3)]);
    await sink.close();
  });
  afterEach(async () => {
    for (const following of followings.splice(0)) await following.stop();
    for (const one of open.splice(0)) await one.close();
  });

  /** The user has exactly these rules from now on. */
  async function login(
    rules: readonly string[],
    without = '',
  ): Promise<{ url: string; username: string; password: string }> {
    const [username = ''] = rules;
    await redis.admin.acl('DELUSER', username);
    await redis.admin.call('ACL', 'SETUSER', ...rules, ...(without === '' ? [] : [without.replace('+', '-')]));
    await redis.admin.call('ACL', 'LOG', 'RESET');
    return { url: redis.url, username, password: 'secret' };
  }

  async function readerOf(config: RedisConfig): Promise<RecordReader> {
    const reader = (await redisSink.reader?.(config, { bridge })) as RecordReader;
    open.push(reader);
    return reader;
  }

  async function bookOf(config: RedisConfig): Promise<CheckpointBook> {
    const book = (await redisSink.checkpoints?.(config, { bridge })) as CheckpointBook;
    open.push(book);
    return book;
  }

  const denied = async () => redis.admin.call('ACL', 'LOG');
  const names = ['kv-events', 'kv-events{model}'];

  describe('of records', () => {
    const rules = rulesOf('kv-event-reader');

    it.each(names)('are the documented ones, from the start, from the end, and to wait: %s', async (name) => {
      const config = redisConfig({ ...(await login(rules)), stream: name });
      expect((await readAll(await readerOf(config))).map(({ text }) => text)).toEqual(documents);
      for (const from of ['start', 'end'] as const) {
        const following = new Following(await readerOf(config), from);
        followings.push(following);
        await following.has(from === 'start' ? documents : []);
      }
      await followings[1]?.started();
      await redis.admin.xadd('kv-events', '*', 'record', 'new');
      await followings[0]?.has([...documents, 'new']);
      await followings[1]?.has(['new']);
      expect(await denied()).toEqual([]);
    });

    it('do not let it write, or see the checkpoints', async () => {
      const config = redisConfig(await login(rules));
      await expect((await makeRedisSink(config)).connect()).rejects.toMatchObject({ code: 'NOPERM' });
      await expect((await bookOf(config)).list()).rejects.toThrow(/hscan/);
    });

    it.each(rightsOf(rules).filter((right) => right !== '+client|setname'))('without %s: names it', async (right) => {
      const config = redisConfig({ ...(await login(rules, right)), stream: 'kv-events{model}' });
      const read = async () => {
        await readAll(await readerOf(config));
        const following = new Following(await readerOf(config), 'end');
        followings.push(following);
        await following.started();
        await followings.splice(0)[0]?.stop();
      };
      const command = right.slice(1);
      await expect(read()).rejects.toThrow(new RegExp(`NOPERM .*'${command}'.*docs/sinks/redis.md`));
    });

    it('of a stream alone need neither +type nor +scan', async () => {
      const config = redisConfig(await login([...rules, '-type', '-scan']));
      expect(await readAll(await readerOf(config))).toHaveLength(3);
      expect(await denied()).toEqual([]);
    });
  });

  describe.each(['at-least-once', 'exactly-once'] as const)('of checkpoints, %s', (delivery) => {
    const rules = rulesOf('kv-event-operator');
    const rewound = { position: { epoch: 1_763_800_000_000, seq: null, sub: 0 }, ts: null, hash: null };
    const held = async () => JSON.stringify(await redis.admin.hgetall('kv-events:checkpoints'));

    it('are the documented ones, to inspect and to rewind', async () => {
      const book = await bookOf(redisConfig({ ...(await login(rules)), delivery }));
      expect([...(await book.list()).keys()]).toEqual([stream.id]);
      expect(await book.nameState()).toMatchObject({ isHeld: false });
      await book.put(stream.id, rewound);
      await book.put(stream.id, null);
      expect(await book.list()).toEqual(new Map());
      expect(await denied()).toEqual([]);
    });

    it('to inspect are fewer', async () => {
      const book = await bookOf(redisConfig({ ...(await login([...rules, '-hset', '-hdel'])), delivery }));
      expect((await book.list()).size).toBe(1);
      expect(await book.nameState()).toMatchObject({ isHeld: false });
      expect(await denied()).toEqual([]);
    });

    const needed = rightsOf(rules).filter((right) => !right.startsWith('+client'));
    it.each(needed)('without %s: names it, and changes nothing', async (right) => {
      const book = await bookOf(redisConfig({ ...(await login(rules, right)), delivery }));
      const before = await held();
      const all = async () => {
        await book.list();
        await book.put(stream.id, rewound);
      };
      await expect(all()).rejects.toThrow(new RegExp(`NOPERM .*'${right.slice(1)}'.*docs/sinks/redis.md`));
      expect(await held()).toBe(before);
    });

    it('without +client|list: says that connections cannot be seen', async () => {
      const book = await bookOf(redisConfig({ ...(await login(rules, '+client|list')), delivery }));
      expect((await book.nameState()).evidence).toContain('grant client|list');
      const before = await held();
      if (delivery === 'exactly-once') return expect(await book.put(stream.id, rewound)).toBeUndefined();
      await expect(book.put(stream.id, rewound)).rejects.toThrow(
        /nobody can tell whether .* runs: .*grant client\|list/,
      );
      expect(await held()).toBe(before);
    });
  });
});
