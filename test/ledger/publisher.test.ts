import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from './account.ts';
import { demand, summary } from './account.ts';
import { chance, setting } from './campaign.ts';
import type { Publisher } from './publisher.ts';
import { Rig } from './rig.ts';
import type { StoreKind } from './target.ts';
import { Stores } from './target.ts';

/** How many publishers die one after the other, in the test that lets many die. */
const rounds = setting('PUBLISHER_ROUNDS', 4);
const kind: StoreKind = process.env['PUBLISHER_STORE'] === 'kafka' ? 'kafka' : 'redis';
const stores = new Stores();
let rig: Rig;
let mortal: Publisher;

/** It does not wait for a subscriber: what it sends before the bridge is there only a replay can bring. */
const atOnce = ['--settle', '0'];

beforeAll(() => stores.open(kind), 300_000);
beforeEach(async () => {
  rig = await Rig.make(await stores.target(kind, 'exactly-once'));
  const [first] = rig.publishers;
  if (first === undefined) throw new Error('CAMPAIGN_PUBLISHERS is 0');
  mortal = first;
});
afterEach(() => rig?.close());
afterAll(() => stores.close());

function add(title: string, account: Account, restarts?: number): Account {
  console.info(`${title}: ${summary(account)}`);
  demand(account, { atLeast: 150, duplicates: 'none', ...(restarts !== undefined && { restarts }) });
  return account;
}

async function restart(args: readonly string[] = []): Promise<void> {
  await mortal.kill();
  mortal.start(args);
}

/** Waits until the bridge has heard of the one that will die: only then is its end a restart. */
async function heard(): Promise<void> {
  await mortal.publishes(20);
  await rig.caughtUp();
}

describe('a publisher that is killed and begins anew', () => {
  it('while the bridge listens: its end and its new beginning are on record', async () => {
    const bridge = await rig.start();
    await heard();
    await restart();
    await mortal.publishes(100);
    add('noticed live', await rig.conclude(bridge), 1);
  });

  it('and has passed the number that was heard last before the bridge is connected again', async () => {
    const bridge = await rig.start();
    await heard();
    await restart([...atOnce, '--rate', '1000']);
    await mortal.publishes(300);
    add('the same numbers again, live', await rig.conclude(bridge), 1);
  });

  it('while the bridge is away, and stays below the number that was heard last', async () => {
    const bridge = await rig.start();
    await mortal.publishes(200);
    await rig.caughtUp();
    await bridge.stop();
    // Nobody hears these any more.
    await mortal.publishes(20);
    await restart(atOnce);
    await mortal.publishes(50);
    const account = add('fewer numbers, unnoticed', await rig.conclude(await rig.start()), 1);
    expect(account.unheard).toBeGreaterThanOrEqual(20);
  });

  it('while the bridge is away, and passes the number that was heard last', async () => {
    const bridge = await rig.start();
    await heard();
    await bridge.stop('SIGKILL');
    const reached = Number(mortal.last?.sequence);
    await restart([...atOnce, '--rate', '1000']);
    await mortal.publishes(reached + 100);
    add('the same numbers again, unnoticed', await rig.conclude(await rig.start()), 1);
  });

  it('twice while the bridge is away: the one in between leaves no trace, and no damage', async () => {
    const bridge = await rig.start();
    await heard();
    await bridge.stop('SIGKILL');
    await restart(atOnce);
    await mortal.publishes(60);
    await restart(atOnce);
    await mortal.publishes(60);
    add('twice, unnoticed', await rig.conclude(await rig.start()), 1);
  });

  it(
    'again and again while the bridge listens',
    async () => {
      const random = chance(20);
      const bridge = await rig.start();
      await heard();
      for (let round = 0; round < rounds; round += 1) {
        await restart(random.next() < 0.5 ? atOnce : []);
        // Each dies after it was heard: nobody can ask one that is dead already whose batches those were.
        await mortal.publishes(random.between(1, 60));
        await rig.caughtUp();
      }
      await restart();
      await mortal.publishes(50);
      add(`${rounds + 1} times in a row`, await rig.conclude(bridge), rounds + 1);
    },
    60_000 + rounds * 5_000,
  );
});
