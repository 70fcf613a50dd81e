import { describe, expect, it } from 'vitest';
import { Heartbeat } from '../../../src/ingress/zmtp/heartbeat.ts';

const create = () => new Heartbeat({ interval: 100, timeout: 300 }, 0);

/** One that was asked at 0 and answered at 10. */
function answered(): Heartbeat {
  const heartbeat = create();
  expect(heartbeat.check(0, 0)).toBe('ask');
  heartbeat.heard(10);
  expect(heartbeat.check(20, 1)).toBe('well');
  return heartbeat;
}

describe('a heartbeat', () => {
  it('asks once, and again only when an engine that answers is quiet for the interval', () => {
    const heartbeat = answered();
    expect(heartbeat.check(109, 1)).toBe('well');
    expect(heartbeat.check(110, 1)).toBe('ask');
    expect(heartbeat.check(111, 1)).toBe('well');
    heartbeat.heard(150);
    expect(heartbeat.check(200, 2)).toBe('well');
    expect(heartbeat.check(250, 2)).toBe('ask');
  });

  it('finds one silent that has answered before, at the second look after the timeout', () => {
    const heartbeat = answered();
    expect(heartbeat.check(110, 1)).toBe('ask');
    expect(heartbeat.check(410, 1)).toBe('well');
    expect(heartbeat.check(411, 1)).toBe('well');
    expect(heartbeat.check(421, 1)).toBe('silent');
  });

  it('condemns nobody whose bytes are read between the two looks', () => {
    const heartbeat = answered();
    expect(heartbeat.check(110, 1)).toBe('ask');
    // This process stood still for long: what came meanwhile is read only now.
    expect(heartbeat.check(9_000, 1)).toBe('well');
    heartbeat.heard(9_001);
    expect(heartbeat.check(9_010, 1)).toBe('well');
    expect(heartbeat.check(9_101, 1)).toBe('ask');
  });

  it('takes any byte for life once it knows that the engine answers, but not before', () => {
    const heartbeat = answered();
    expect(heartbeat.check(110, 1)).toBe('ask');
    heartbeat.heard(120);
    expect(heartbeat.check(500, 1)).toBe('ask');
    const mute = create();
    expect(mute.check(0, 0)).toBe('ask');
    mute.heard(299);
    expect([mute.check(301, 0), mute.check(311, 0)]).toEqual(['well', 'deaf']);
    expect(mute.check(9_000, 0)).toBe('well');
  });

  it('begins its timeout again where nothing was read', () => {
    const heartbeat = create();
    expect(heartbeat.check(0, 0)).toBe('ask');
    heartbeat.excuse(1_000);
    expect([heartbeat.check(1_300, 0), heartbeat.check(1_301, 0), heartbeat.check(1_302, 0)]).toEqual([
      'well',
      'well',
      'deaf',
    ]);
  });
});
