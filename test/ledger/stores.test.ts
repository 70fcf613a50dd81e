import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/ports.ts';
import { demand, summary } from './account.ts';
import { chance, setting } from './campaign.ts';
import { delivering, Rig } from './rig.ts';
import { Stores } from './target.ts';

/** For how long a store hangs or is gone. */
const seconds = setting('OUTAGE_SECONDS', 3);
const rounds = setting('OUTAGE_ROUNDS', 1);
const stores = new Stores();
let rig: Rig;

beforeAll(() => stores.open('redis', 'kafka'), 300_000);
afterEach(() => rig?.close());
afterAll(() => stores.close());

const outages = ['redis', 'kafka'].flatMap((kind) => ['kill', 'pause'].map((fault) => [kind, fault])) as [
  'redis' | 'kafka',
  'kill' | 'pause',
][];

describe('a store that goes away under load, exactly-once', () => {
  it.each(outages)(
    '%s, %s: nothing is missing and nothing twice',
    async (kind, fault) => {
      const target = await stores.target(kind, 'exactly-once');
      const random = chance(fault === 'kill' ? 30 : 31);
      rig = await Rig.make(target);
      const bridge = await rig.start();
      await delivering(bridge);
      for (let round = 0; round < rounds; round += 1) {
        await sleep(random.between(0, 500));
        await target.service[fault]();
        await sleep(seconds * 1_000);
        await (fault === 'kill' ? target.service.start() : target.service.resume());
        await rig.caughtUp();
      }
      const account = await rig.conclude(bridge);
      console.info(`${kind}, ${rounds} x ${fault}, ${seconds} s: ${summary(account)}`);
      demand(account, { atLeast: 300, duplicates: 'none', restarts: 0 });
    },
    90_000 + rounds * (seconds * 2_000 + 30_000),
  );
});

describe('engines that dial in', () => {
  it('the bridge is killed and asks for what it missed at the address in the topic', async () => {
    const random = chance(40);
    rig = await Rig.makeBound(await stores.target('redis', 'exactly-once'), await freePorts());
    for (let round = 0; round < 2 + rounds; round += 1) {
      const bridge = await rig.start();
      await delivering(bridge);
      await sleep(random.between(100, 800));
      expect(await bridge.stop('SIGKILL')).toBe(null);
    }
    const account = await rig.conclude(await rig.start());
    console.info(`bound, ${2 + rounds} kills: ${summary(account)}`);
    demand(account, { atLeast: 150, duplicates: 'none', restarts: 0 });
  }, 120_000);
});
