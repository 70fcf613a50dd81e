import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LedgerRecord } from '../ledger/account.ts';
import { Rig } from '../ledger/rig.ts';
import type { StoreTarget } from '../ledger/target.ts';
import { Stores } from '../ledger/target.ts';

const stores = new Stores();
let rig: Rig;
let target: StoreTarget;
let redis: Redis;
let stream = '';
let book = '';

beforeAll(() => stores.open('redis'), 120_000);
beforeEach(async () => {
  target = await stores.target('redis', 'exactly-once');
  rig = await Rig.make(target, 1);
  redis = new Redis(target.env['REDIS_URL'] ?? '');
  stream = target.env['REDIS_STREAM'] ?? '';
  book = `${stream}:checkpoints`;
});
afterEach(async () => {
  redis.disconnect();
  await rig.close();
});
afterAll(() => stores.close());

/** One life of the bridge, in which the engine publishes and all of it arrives. */
async function live(): Promise<readonly LedgerRecord[]> {
  const bridge = await rig.start({ BRIDGE_NAME: 'restored' });
  await rig.publishers[0]?.publishes(30);
  await rig.caughtUp();
  expect(await bridge.stop(), bridge.stderr).toBe(0);
  return target.records();
}

const events = (records: readonly LedgerRecord[]) => records.filter(({ index }) => index !== null);
const ids = (records: readonly LedgerRecord[]) => events(records).map(({ id }) => id);
const epochs = (records: readonly LedgerRecord[]) => new Set(records.map(({ epoch }) => epoch)).size;
const repeated = (all: readonly string[]) => all.filter((id, at) => all.indexOf(id) < at);

/** As docs/operations.md says of checkpoints that do not fit the records. */
describe('a bridge that starts with restored checkpoints', () => {
  it('older than the records: writes what lies between again, under the same ids', async () => {
    const first = await live();
    const saved = await redis.hgetall(book);
    const second = await live();
    await redis.hset(book, saved);
    const third = await live();
    const between = ids(second).slice(ids(first).length);
    expect(between.length).toBeGreaterThan(20);
    expect(repeated(ids(third))).toEqual(between);
    expect(epochs(third)).toBe(1);
  });

  it('newer than the records: believes them, and what is gone is not asked for', async () => {
    await live();
    const last = await redis.xrevrange(stream, '+', '-', 'COUNT', 5);
    await redis.xdel(stream, ...last.map(([id]) => id));
    const lost = last.map(([, [, text = '']]) => (JSON.parse(text) as LedgerRecord).id);
    const after = await live();
    expect(repeated(ids(after))).toEqual([]);
    expect(ids(after).filter((id) => lost.includes(id))).toEqual([]);
    expect(epochs(after)).toBe(1);
  });

  it('gone: begins a new epoch, in which everything that the engine has stands again', async () => {
    const first = await live();
    await redis.del(book);
    const second = await live();
    expect(epochs(second)).toBe(2);
    expect(repeated(ids(second))).toEqual([]);
    const again = events(second).filter(({ epoch }) => epoch !== first[0]?.epoch);
    expect(again.map(({ seq }) => seq)).toEqual(expect.arrayContaining(events(first).map(({ seq }) => seq)));
  });
});
