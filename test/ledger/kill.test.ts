import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { demand, summary } from './account.ts';
import { chance, setting } from './campaign.ts';
import { delivering, Rig, running } from './rig.ts';
import type { Delivery, StoreKind } from './target.ts';
import { fileTarget, Stores } from './target.ts';

const rounds = setting('CAMPAIGN_ROUNDS', 3);
const stores = new Stores();
const folder = mkdtempSync(join(tmpdir(), 'kv-ledger-file-'));
let rig: Rig | undefined;

beforeAll(() => stores.open('redis', 'kafka'), 300_000);
afterEach(() => rig?.close());
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  return stores.close();
});

const campaigns: readonly [StoreKind | 'file', Delivery][] = [
  ['redis', 'exactly-once'],
  ['redis', 'at-least-once'],
  ['kafka', 'exactly-once'],
  ['kafka', 'at-least-once'],
  ['file', 'exactly-once'],
];

describe('a bridge that is killed under load and started again', () => {
  it.each(campaigns)(
    '%s, %s: loses nothing',
    async (kind, delivery) => {
      const random = chance(campaigns.findIndex(([one, other]) => one === kind && other === delivery));
      rig = await Rig.make(kind === 'file' ? fileTarget(folder) : await stores.target(kind, delivery));
      let flowed = 0;
      for (let round = 0; round < rounds; round += 1) {
        const bridge = rig.spawn();
        // Every third dies wherever it is: while it starts, connects, reads checkpoints or asks for replays.
        if (round % 3 === 2) await sleep(random.between(100, 2_000));
        else {
          await running(bridge);
          await delivering(bridge);
          flowed += 1;
          await sleep(random.between(0, 1_500));
        }
        expect(await bridge.stop('SIGKILL'), bridge.stderr).toBe(null);
        await sleep(random.between(0, 300));
      }
      const account = await rig.conclude(await rig.start());
      console.info(`${rounds} kills, ${kind}, ${delivery}: ${summary(account)}`);
      const duplicates = delivery === 'exactly-once' ? 'none' : 'allowed';
      demand(account, { atLeast: flowed * 50, duplicates, restarts: 0 });
    },
    120_000 + rounds * 10_000,
  );
});
