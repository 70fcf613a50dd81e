import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/core/observer.ts';
import { Leadership } from '../../src/pipeline/leadership.ts';
import { fencedError, PlayedLease, PlayedStore } from './played-store.ts';
import { deadline, FakeClock, settle } from './support.ts';

const ttl = 9_000;

function setUp() {
  const clock = new FakeClock();
  const store = new PlayedStore(clock);
  const lease = new PlayedLease(store);
  const facts: Fact[] = [];
  const options = { sink: 'redis', ttl, clock, random: () => 0.999, observe: (fact: Fact) => void facts.push(fact) };
  return { clock, store, lease, facts, leadership: new Leadership({ ...options, lease }) };
}

const named = (facts: readonly Fact[], name: Fact['fact']) => facts.filter(({ fact }) => fact === name);
const never = new AbortController().signal;

describe('a standby', () => {
  it('waits while the lease is renewed, and takes over soon after it has lapsed', async () => {
    const { clock, store, leadership } = setUp();
    let turn: boolean | undefined;
    void leadership.waitForTurn(never).then((answer) => {
      turn = answer;
    });
    for (let n = 0; n < 20; n += 1) {
      store.lease = { token: 1, at: clock.now() };
      await clock.pass(ttl / 3);
    }
    const lapsesAt = (store.lease?.at ?? 0) + ttl;
    expect(turn).toBeUndefined();
    while (turn === undefined && clock.now() < lapsesAt + ttl) await clock.pass(250);
    expect(turn).toBe(true);
    expect(clock.now()).toBeGreaterThanOrEqual(lapsesAt);
    expect(clock.now()).toBeLessThanOrEqual(lapsesAt + ttl / 4 + 250);
  });

  it('takes over at once where no bridge of its name ever was or the last one has released', async () => {
    const { leadership } = setUp();
    expect(await leadership.waitForTurn(never)).toBe(true);
  });

  it('asks on for ever while the sink is away, and says so once', async () => {
    const { clock, store, leadership, facts } = setUp();
    store.isAway = true;
    const turn = leadership.waitForTurn(never);
    for (let n = 0; n < 100; n += 1) await clock.pass(ttl);
    expect(named(facts, 'sink-down')).toEqual([
      { fact: 'sink-down', sink: 'redis', kind: 'transient', code: 'AWAY', message: 'the store is away' },
    ]);
    expect(named(facts, 'sink-retry').length).toBeGreaterThan(50);
    store.isAway = false;
    await clock.pass(ttl);
    expect(await turn).toBe(true);
    expect(facts.at(-1)).toEqual({ fact: 'sink-up', sink: 'redis' });
  });

  it('ends when told to, while it sleeps and while the sink does not answer', async () => {
    const { store, clock, lease, leadership } = setUp();
    store.lease = { token: 1, at: clock.now() };
    const stop = deadline();
    const sleeping = leadership.waitForTurn(stop.signal);
    await settle();
    stop.pass();
    expect(await sleeping).toBe(false);
    lease.freeze();
    const again = deadline();
    const hanging = leadership.waitForTurn(again.signal);
    await settle();
    again.pass();
    expect(await hanging).toBe(false);
    expect(await leadership.waitForTurn(again.signal)).toBe(false);
  });
});

describe('the active bridge', () => {
  it('renews at once and then three times per ttl', async () => {
    const { clock, lease, leadership, facts } = setUp();
    await lease.connect();
    void leadership.keepRenewing();
    await settle();
    expect(named(facts, 'lease-renewal')).toEqual([
      { fact: 'lease-renewal', sink: 'redis', outcome: 'renewed', code: null, message: null },
    ]);
    for (let n = 0; n < 36; n += 1) await clock.pass(ttl / 12);
    expect(lease.calls.filter((call) => call === 'renew').length).toBe(10);
  });

  it('tries sooner after a failure, and says once that the lease has lapsed', async () => {
    const { clock, store, lease, leadership, facts } = setUp();
    await lease.connect();
    void leadership.keepRenewing();
    await settle();
    store.isAway = true;
    await clock.pass(ttl / 3);
    const failedAt = clock.now();
    while (named(facts, 'lease-renewal').length < 3) await clock.pass(50);
    expect(clock.now() - failedAt).toBeLessThan(ttl / 6);
    expect(named(facts, 'lease-lapsed')).toEqual([]);
    for (let n = 0; n < 40; n += 1) await clock.pass(ttl / 10);
    expect(named(facts, 'lease-lapsed')).toEqual([{ fact: 'lease-lapsed', sink: 'redis', ttl }]);
    store.isAway = false;
    await clock.pass(ttl / 3);
    expect(store.isHeld(ttl)).toBe(true);
    store.isAway = true;
    for (let n = 0; n < 20; n += 1) await clock.pass(ttl / 10);
    expect(named(facts, 'lease-lapsed')).toHaveLength(2);
  });

  it('says that the lease has lapsed where it could never be renewed', async () => {
    const { clock, store, leadership, facts } = setUp();
    store.isAway = true;
    void leadership.keepRenewing();
    for (let n = 0; n < 12; n += 1) await clock.pass(ttl / 10);
    expect(named(facts, 'lease-lapsed')).toHaveLength(1);
  });

  it('ends once fenced, and then leaves the lease alone, which is the other bridge’s', async () => {
    const { clock, store, lease, leadership, facts } = setUp();
    await lease.connect();
    const renewing = leadership.keepRenewing();
    await settle();
    const other = new PlayedLease(store);
    await other.connect();
    await other.renew(ttl);
    await clock.pass(ttl / 3);
    expect(await renewing).toBe('fenced');
    expect(facts.at(-1)).toMatchObject({ fact: 'lease-renewal', outcome: 'fenced', code: 'FENCED' });
    await leadership.release(never);
    await clock.pass(ttl);
    expect(lease.calls).toEqual(['connect', 'renew', 'renew']);
    expect(store.lease?.token).toBe(other.token);
  });

  it('leaves it alone as well where a write was the first to be refused', async () => {
    const { clock, lease, leadership } = setUp();
    await lease.connect();
    const renewing = leadership.keepRenewing();
    await settle();
    leadership.abandon();
    expect(await renewing).toBe('released');
    await leadership.release(never);
    await clock.pass(ttl);
    expect(lease.calls).toEqual(['connect', 'renew']);
  });

  it('releases when it stops, so that a standby need not wait', async () => {
    const { clock, store, lease, leadership } = setUp();
    await lease.connect();
    const renewing = leadership.keepRenewing();
    await settle();
    await leadership.release(never);
    expect(await renewing).toBe('released');
    expect(store.lease).toBeNull();
    await clock.pass(ttl);
    expect(lease.calls).toEqual(['connect', 'renew', 'release']);
  });

  it('releases behind the renewal under way, which would otherwise keep the standby waiting', async () => {
    const { store, lease, leadership } = setUp();
    await lease.connect();
    lease.freeze();
    void leadership.keepRenewing();
    const releasing = leadership.release(never);
    await settle();
    expect(lease.calls).toEqual(['connect', 'renew']);
    lease.thaw();
    await releasing;
    expect(store.lease).toBeNull();
  });

  it('has nothing to release where it never renewed', async () => {
    const { lease, leadership } = setUp();
    await leadership.release(never);
    expect(lease.calls).toEqual([]);
  });

  it.each(['while a renewal hangs', 'while the release hangs'])('stops at the deadline %s', async (when) => {
    const { lease, leadership } = setUp();
    await lease.connect();
    if (when === 'while a renewal hangs') lease.freeze();
    void leadership.keepRenewing();
    await settle();
    lease.freeze();
    const late = deadline();
    let isReleased = false;
    const releasing = leadership.release(late.signal).then(() => {
      isReleased = true;
    });
    await settle();
    expect(isReleased).toBe(false);
    late.pass();
    await releasing;
  });

  it('survives a sink that throws what no sink may throw', async () => {
    const { clock, lease, leadership, facts } = setUp();
    lease.renew = () => Promise.reject(new Error('a defect'));
    void leadership.keepRenewing();
    await clock.pass(ttl);
    expect(facts[0]).toMatchObject({ outcome: 'failed', code: 'UNCLASSIFIED', message: 'a defect' });
    lease.renew = () => Promise.reject(fencedError());
    await clock.pass(ttl);
    expect(facts.at(-1)).toMatchObject({ outcome: 'fenced' });
  });
});
