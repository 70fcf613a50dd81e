import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Bridge } from '../e2e/bridge.ts';
import { waitFor } from '../support/services/service.ts';
import type { Account } from './account.ts';
import { demand, summary } from './account.ts';
import { setting } from './campaign.ts';
import { delivering, Rig, running } from './rig.ts';
import { Stores } from './target.ts';

/** How often the name changes hands in each test. */
const rounds = setting('STANDBY_ROUNDS', 1);
const leaseMs = 2_000;
const env = { STANDBY: 'true', LEASE_TTL: `${leaseMs}ms` };
const stores = new Stores();
let rig: Rig;

beforeAll(() => stores.open('redis', 'kafka'), 300_000);
afterEach(() => rig?.close());
afterAll(() => stores.close());

const hasRole = (bridge: Bridge, role: string, reason: string) =>
  bridge.log.some((line) => line['role'] === role && line['reason'] === reason);

/** Another bridge of the name, which waits. */
async function standby(more: Readonly<Record<string, string>> = {}): Promise<Bridge> {
  const bridge = rig.spawn({ ...env, ...more });
  await waitFor(() => hasRole(bridge, 'standby', 'start'), { what: 'it is a standby' });
  return bridge;
}

async function active(more: Readonly<Record<string, string>> = {}): Promise<Bridge> {
  const bridge = await standby(more);
  await running(bridge);
  await delivering(bridge);
  return bridge;
}

/** Resolves when the standby has the name and delivers. */
async function takesOver(bridge: Bridge): Promise<void> {
  expect(bridge.http, 'it waits as long as the other is active').toBeUndefined();
  await running(bridge);
  await delivering(bridge);
}

/** Frozen for longer than its lease; the standby has taken over when it wakes up. */
async function freeze(bridge: Bridge, next: Bridge): Promise<void> {
  bridge.child.kill('SIGSTOP');
  await takesOver(next);
  bridge.child.kill('SIGCONT');
}

function add(title: string, account: Account): void {
  console.info(`${title}: ${summary(account)}`);
  demand(account, { atLeast: 150, duplicates: 'none', restarts: 0 });
}

describe.each(['redis', 'kafka'] as const)('two bridges of one name, %s, exactly-once', (kind) => {
  const patience = 90_000 + rounds * 30_000;

  it(
    'kill -9 of the active one: the standby takes over, nothing is missing and nothing twice',
    async () => {
      rig = await Rig.make(await stores.target(kind, 'exactly-once'));
      let bridge = await active();
      for (let round = 0; round < rounds; round += 1) {
        const next = await standby();
        await sleep(500);
        const killed = Date.now();
        await bridge.stop('SIGKILL');
        await takesOver(next);
        console.info(`${kind}: delivers again ${Date.now() - killed} ms after the kill`);
        bridge = next;
      }
      const idle = await standby();
      expect(await idle.stop('SIGTERM'), idle.stderr).toBe(0);
      add(`${kind}, ${rounds} kills of the active one`, await rig.conclude(bridge));
    },
    patience,
  );

  it(
    'SIGTERM of the active one hands over before the lease lapses, nothing is missing and nothing twice',
    async () => {
      rig = await Rig.make(await stores.target(kind, 'exactly-once'));
      const bridge = await active({ LEASE_TTL: '20s' });
      const next = await standby({ LEASE_TTL: '20s' });
      await sleep(500);
      expect(await bridge.stop('SIGTERM'), bridge.stderr).toBe(0);
      const ended = Date.now();
      await takesOver(next);
      const took = Date.now() - ended;
      console.info(`${kind}: delivers again ${took} ms after the end`);
      expect(took, 'it did not wait for the lapse').toBeLessThan(15_000);
      add(`${kind}, handed over`, await rig.conclude(next));
    },
    patience,
  );

  it(
    'an active one that freezes for longer than its lease ends as FENCED, nothing is missing and nothing twice',
    async () => {
      rig = await Rig.make(await stores.target(kind, 'exactly-once'));
      let bridge = await active();
      for (let round = 0; round < rounds; round += 1) {
        const next = await standby();
        await freeze(bridge, next);
        await waitFor(async () => (await bridge.get('/readyz')).body.includes('FENCED'), { what: 'it says why' });
        expect(await bridge.exited, bridge.stderr).toBe(1);
        expect(bridge.log.at(-1)).toMatchObject({ code: 'FENCED' });
        bridge = next;
      }
      add(`${kind}, ${rounds} freezes`, await rig.conclude(bridge));
    },
    patience,
  );

  it(
    'with onFenced: standby it waits, and takes over in its turn',
    async () => {
      rig = await Rig.make(await stores.target(kind, 'exactly-once'));
      const bridge = await active({ ON_FENCED: 'standby' });
      const next = await standby();
      await freeze(bridge, next);
      await waitFor(() => hasRole(bridge, 'standby', 'fenced'), { what: 'the fenced one is the standby' });
      const turns = () => bridge.log.filter(({ msg }) => msg === 'running').length;
      expect(turns()).toBe(1);
      await next.stop('SIGKILL');
      await waitFor(() => turns() === 2, { what: 'it is active again' });
      add(`${kind}, fenced and back`, await rig.conclude(bridge));
    },
    patience,
  );
});
