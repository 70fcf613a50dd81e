import type { ContractOptions, OpenHarness } from './harness.ts';
import { failureRules } from './rules-failure.ts';
import { lifecycleRules } from './rules-lifecycle.ts';
import { writingRules } from './rules-writing.ts';
import { Toolbox } from './toolbox.ts';

/** One promise of the contract; `run` rejects when the sink does not keep it. */
export interface Rule {
  readonly title: string;
  readonly needs?: 'outage' | 'poison';
  run(tools: Toolbox): Promise<void>;
}

export const rules: readonly Rule[] = [...writingRules, ...lifecycleRules, ...failureRules];

export async function runRule(rule: Rule, open: OpenHarness, options: ContractOptions): Promise<void> {
  const tools = new Toolbox(await open(), options);
  try {
    await rule.run(tools);
  } finally {
    await tools.release();
  }
}
