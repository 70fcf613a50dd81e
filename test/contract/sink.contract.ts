import { describe, it } from 'vitest';
import type { ContractOptions, OpenHarness } from './harness.ts';
import { excuseFor, rules, runRule } from './rules.ts';

/**
 * The promises of `core/sink.ts` as tests; every sink runs them. `open` is called once per rule.
 *
 *     sinkContract('redis', openHarness, { noPoison: 'Redis takes any record', checkpoints: { delivery: 'exactly-once' } });
 */
export function sinkContract(name: string, open: OpenHarness, options: ContractOptions = {}): void {
  const timeout = 6 * (options.patience ?? 30_000);
  describe(`${name} keeps the sink contract`, () => {
    for (const rule of rules) {
      const excuse = excuseFor(rule, options);
      if (excuse !== undefined) it.skip(`${rule.title} (not here: ${excuse})`, () => {});
      else it(rule.title, () => runRule(rule, open, options), timeout);
    }
  });
}
