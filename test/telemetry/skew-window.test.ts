import { describe, expect, it } from 'vitest';
import { SkewWindow } from '../../src/telemetry/skew-window.ts';

const start = 1_763_800_004_000;

describe('the difference of the clocks', () => {
  it('is not known before the first batch', () => {
    expect(new SkewWindow().smallest(start)).toBeNull();
  });

  it('is the smallest of the last minute, negative where the engine is ahead', () => {
    const window = new SkewWindow();
    window.note(40, start);
    window.note(-12, start + 1_000);
    window.note(30, start + 15_000);
    expect(window.smallest(start + 15_000)).toBe(-12);
    expect(window.smallest(start + 50_000)).toBe(-12);
    window.note(35, start + 61_000);
    expect(window.smallest(start + 61_000)).toBe(30);
    expect(window.smallest(start + 100_000)).toBe(35);
    expect(window.smallest(start + 125_000)).toBeNull();
  });

  it('forgets a minute without batches at once', () => {
    const window = new SkewWindow();
    window.note(5, start);
    window.note(90, start + 3_600_000);
    expect(window.smallest(start + 3_600_000)).toBe(90);
  });

  it('forgets what it knew when the clock is set back, for that was another difference', () => {
    const window = new SkewWindow();
    window.note(5, start);
    window.note(90, start - 3_600_000);
    expect(window.smallest(start - 3_600_000)).toBe(90);
    expect(window.smallest(start - 3_600_000 + 70_000)).toBeNull();
  });
});
