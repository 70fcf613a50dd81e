import { describe, expect, it } from 'vitest';
import { doubles } from './doubles.ts';
import { openMemory } from './memory-harness.ts';
import { rules, runRule } from './rules.ts';

// Short: the doubles that hang are waited for.
const options = { patience: 300, checkpoints: { delivery: 'exactly-once' } } as const;

describe('the sink contract finds broken sinks', () => {
  for (const rule of rules) {
    const caught = doubles.filter((double) => double.breaks.includes(rule.title));
    it(`"${rule.title}" fails for ${caught.map((double) => double.name).join('; ')}`, async () => {
      expect(caught.length, 'doubles that break this rule').toBeGreaterThan(0);
      for (const double of caught) {
        const run = runRule(rule, openMemory(double.make), options);
        await expect(run, double.name).rejects.toThrow();
      }
    });
  }

  it('has no double that names an unknown rule', () => {
    const titles = rules.map((rule) => rule.title);
    for (const double of doubles) for (const title of double.breaks) expect(titles).toContain(title);
  });
});
