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

  it('is never ready again once it drains', () => {
    getReady();
    health.draining();
    health.observe(examples['sink-up']);
    expect(health.readiness()).toMatchObject({ ready: false, reasons: [expect.stringContaining('draining')] });
  });
});
