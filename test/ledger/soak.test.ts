import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Bridge } from '../e2e/bridge.ts';
import { demand, summary } from './account.ts';
import { chance, setting } from './campaign.ts';
import { delivering, Rig } from './rig.ts';
import type { StoreTarget } from './target.ts';
import { Stores } from './target.ts';

const seconds = setting('SOAK_SECONDS', 15);
const stores = new Stores();
let rig: Rig;

beforeAll(() => stores.open('redis', 'kafka'), 300_000);
afterEach(() => rig?.close());
afterAll(() => stores.close());

interface Sample {
  readonly megabytes: number;
  readonly files: number;
}

function sampleOf(bridge: Bridge): Sample {
  const files = readdirSync(`/proc/${bridge.child.pid}/fd`).length;
  return { megabytes: Math.round(bridge.memory() / 1_048_576), files };
}

/** A fault that the bridge lives through, and its end. */
async function trouble(random: ReturnType<typeof chance>, { service }: StoreTarget): Promise<string> {
  switch (random.between(0, 3)) {
    case 0:
      await service.kill();
      await sleep(random.between(100, 2_000));
      await service.start();
      return 'store killed';
    case 1:
      await service.pause();
      await sleep(random.between(100, 2_000));
      await service.resume();
      return 'store frozen';
    case 2: {
      const publisher = rig.publishers[random.between(0, rig.publishers.length - 1)];
      await publisher?.kill();
      publisher?.start();
      return 'publisher restarted';
    }
    default:
      await sleep(random.between(500, 2_000));
      return 'calm';
  }
}

describe('a bridge under random faults', () => {
  it.each(['redis', 'kafka'] as const)(
    '%s, exactly-once: the ledger is exact, memory and open files do not grow',
    async (kind) => {
      const random = chance(kind === 'redis' ? 50 : 51);
      const target = await stores.target(kind, 'exactly-once');
      rig = await Rig.make(target);
      const bridge = await rig.start();
      await delivering(bridge);
      const until = Date.now() + seconds * 1_000;
      const faults = new Map<string, number>();
      const samples: Sample[] = [];
      while (Date.now() < until) {
        const fault = await trouble(random, target);
        faults.set(fault, (faults.get(fault) ?? 0) + 1);
        await rig.caughtUp(90_000);
        samples.push(sampleOf(bridge));
      }
      const account = await rig.conclude(bridge);
      const [first, last] = [samples[0], samples.at(-1)];
      console.info(
        `${kind}, ${seconds} s, ${[...faults].map(([fault, times]) => `${times} x ${fault}`).join(', ')}: ${summary(account)}; ` +
          `memory ${first?.megabytes} -> ${last?.megabytes} MiB, open files ${first?.files} -> ${last?.files}`,
      );
      demand(account, { atLeast: seconds * 20, duplicates: 'none' });
      // A leak per fault or per connection would show here; a garbage collector that has not run yet does not.
      expect(last?.files).toBeLessThanOrEqual((first?.files ?? 0) + 16);
      expect(last?.megabytes).toBeLessThan(2 * (first?.megabytes ?? 0) + 100);
    },
    180_000 + seconds * 3_000,
  );
});
