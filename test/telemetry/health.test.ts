import { beforeEach, describe, expect, it } from 'vitest';
import { Health } from '../../src/telemetry/health.ts';
import { examples } from './facts.ts';

let health: Health;

beforeEach(() => {
  health = new Health({ sources: 2, sinks: ['redis', 'file'] });
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
      sinks: { redis: { state: 'connecting' }, file: { state: 'connecting' } },
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

  it('is not ready while a sink is down, with its remedy, and ready again after', () => {
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
