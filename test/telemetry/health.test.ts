import { beforeEach, describe, expect, it } from 'vitest';
import { Health } from '../../src/telemetry/health.ts';
import { examples } from './facts.ts';

let health: Health;
let now: number;
const transient = {
  ...examples['sink-down'],
  kind: 'transient',
  code: 'ECONNREFUSED',
  message: 'redis: away',
} as const;

beforeEach(() => {
  now = 1_700_000_000_000;
  health = new Health({ sources: 2, sinks: ['redis', 'file'], degradedAfter: 30_000, now: () => now });
});

function getReady(): void {
  health.observe(examples['source-open']);
  health.observe({ ...examples['source-open'], endpoint: 'tcp://*:5558' });
  health.observe({ fact: 'sink-up', sink: 'redis' });
  health.observe({ fact: 'sink-up', sink: 'file' });
}

describe('health', () => {
  it('is not ready before every source is open and every sink is up, and says what is missing', () => {
    expect(health.readiness()).toEqual({
      ready: false,
      role: 'active',
      reasons: ['sources: 0 of 2 open', 'sink redis: not connected yet', 'sink file: not connected yet'],
      sources: { expected: 2, open: 0 },
      sinks: {
        redis: { state: 'connecting', since: 1_700_000_000 },
        file: { state: 'connecting', since: 1_700_000_000 },
      },
    });
    health.observe(examples['source-open']);
    health.observe(examples['source-open']);
    health.observe({ fact: 'sink-up', sink: 'redis' });
    expect(health.readiness().reasons).toEqual(['sources: 1 of 2 open', 'sink file: not connected yet']);
  });

  it('is ready then', () => {
    getReady();
    expect(health.readiness()).toMatchObject({ ready: true, reasons: [] });
  });

  it('is not ready at once when somebody has to mend the destination, with the remedy, and ready again after', () => {
    getReady();
    health.observe(examples['sink-down']);
    expect(health.readiness()).toMatchObject({
      ready: false,
      reasons: ['sink redis: redis: delete the key'],
      sinks: { redis: { state: 'down', code: 'WRONGTYPE', message: 'redis: delete the key' }, file: { state: 'up' } },
    });
    health.observe(examples['sink-up']);
    expect(health.readiness().ready).toBe(true);
  });

  it('is ready during an outage that is shorter than degradedAfter, and not from then on', () => {
    getReady();
    health.observe(transient);
    now += 29_999;
    expect(health.readiness()).toMatchObject({ ready: true, reasons: [], sinks: { redis: { state: 'down' } } });
    now += 1;
    expect(health.readiness()).toMatchObject({ ready: false, reasons: ['sink redis: redis: away'] });
    health.observe(examples['sink-up']);
    expect(health.readiness().ready).toBe(true);
  });

  it('counts an outage from its beginning, whatever the error becomes meanwhile', () => {
    getReady();
    health.observe(transient);
    now += 20_000;
    health.observe({ ...transient, kind: 'reopen', code: 'OTHER' });
    now += 10_000;
    expect(health.readiness()).toMatchObject({
      ready: false,
      sinks: { redis: { code: 'OTHER', since: 1_700_000_000 } },
    });
  });

  it('begins anew with each outage', () => {
    getReady();
    health.observe(transient);
    now += 20_000;
    health.observe(examples['sink-up']);
    health.observe(transient);
    now += 20_000;
    expect(health.readiness().ready).toBe(true);
  });

  it.each(['destination', 'fenced', 'closed'] as const)('waits for no time where the error is of kind %s', (kind) => {
    getReady();
    health.observe({ ...transient, kind });
    expect(health.readiness().ready).toBe(false);
  });

  it('is not ready with a sink that was never connected, however short that is', () => {
    getReady();
    const fresh = new Health({ sources: 0, sinks: ['redis'], degradedAfter: 30_000, now: () => now });
    fresh.observe(transient);
    expect(fresh.readiness()).toMatchObject({ ready: false, reasons: ['sink redis: redis: away'] });
  });

  it('asks a sink to work again in each turn', () => {
    getReady();
    health.observe({ fact: 'role', role: 'active', reason: 'take-over' });
    health.observe(transient);
    expect(health.readiness().reasons).toContain('sink redis: redis: away');
  });

  it('is not ready when a source has closed', () => {
    getReady();
    health.observe(examples['source-closed']);
    expect(health.readiness()).toMatchObject({ ready: false, sources: { open: 1 } });
  });

  it('is ready as a standby without sources and sinks, so that a rollout of replicas completes', () => {
    health.observe({ fact: 'role', role: 'standby', reason: 'start' });
    expect(health.readiness()).toMatchObject({ ready: true, role: 'standby', reasons: [], sources: { open: 0 } });
  });

  it('is not ready as a standby that cannot reach the sink which tells it when to take over', () => {
    health.observe({ fact: 'role', role: 'standby', reason: 'start' });
    health.observe(examples['sink-down']);
    expect(health.readiness()).toMatchObject({ ready: false, reasons: ['sink redis: redis: delete the key'] });
    health.observe(examples['sink-up']);
    expect(health.readiness().ready).toBe(true);
  });

  it('asks for sources and sinks again once a standby has taken over', () => {
    health.observe({ fact: 'role', role: 'standby', reason: 'start' });
    health.observe({ fact: 'sink-up', sink: 'redis' });
    health.observe({ fact: 'role', role: 'active', reason: 'take-over' });
    expect(health.readiness()).toMatchObject({
      ready: false,
      role: 'active',
      sinks: { redis: { state: 'connecting' } },
    });
    getReady();
    expect(health.readiness().ready).toBe(true);
  });

  it('forgets the sinks of the turn in which it was fenced', () => {
    getReady();
    health.observe(examples['sink-down']);
    health.observe({ fact: 'role', role: 'standby', reason: 'fenced' });
    expect(health.readiness()).toMatchObject({ ready: true, sinks: { redis: { state: 'connecting' } } });
  });

  it('is not ready once it was fenced, for that reason alone', () => {
    getReady();
    health.observe({ ...examples['sink-down'], kind: 'fenced', code: 'FENCED' });
    health.observe({ fact: 'fenced' });
    health.observe(examples['source-closed']);
    expect(health.readiness()).toMatchObject({
      ready: false,
      role: 'fenced',
      reasons: [
        expect.stringMatching(/^FENCED: another bridge of this name has taken over.*BRIDGE_NAME.*STANDBY=true/),
      ],
    });
    health.draining();
    expect(health.readiness().reasons).toEqual([expect.stringMatching(/^draining/), expect.stringMatching(/^FENCED/)]);
  });

  it('knows the sink that fences as down, also where only its lease says so', () => {
    getReady();
    health.observe({ ...examples['lease-renewal'], outcome: 'failed' });
    expect(health.sink('redis').state).toBe('up');
    const fenced = { outcome: 'fenced', code: 'FENCED', message: 'redis: taken over' } as const;
    health.observe({ ...examples['lease-renewal'], ...fenced });
    expect(health.sink('redis')).toMatchObject({
      state: 'down',
      kind: 'fenced',
      code: 'FENCED',
      message: fenced.message,
    });
  });

  it('is not ready as a standby that ends', () => {
    health.observe({ fact: 'role', role: 'standby', reason: 'start' });
    health.draining();
    expect(health.readiness()).toMatchObject({ ready: false, role: 'standby' });
  });

  it('is never ready again once it drains', () => {
    getReady();
    health.draining();
    health.observe(examples['sink-up']);
    expect(health.readiness()).toMatchObject({ ready: false, reasons: [expect.stringContaining('draining')] });
  });
});
