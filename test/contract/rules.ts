import type { ContractOptions, OpenHarness } from './harness.ts';
import { checkpointRules } from './rules-checkpoints.ts';
import { failureRules } from './rules-failure.ts';
import { lifecycleRules } from './rules-lifecycle.ts';
import { writingRules } from './rules-writing.ts';
import { Toolbox } from './toolbox.ts';

/** What a destination must be able to do for a rule to be tried. */
export type Need = 'outage' | 'poison' | 'checkpoints' | 'exactly-once' | 'fence';

/** One promise of the contract; `run` rejects when the sink does not keep it. */
export interface Rule {
  readonly title: string;
  readonly needs?: readonly Need[];
  run(tools: Toolbox): Promise<void>;
}

export const rules: readonly Rule[] = [...writingRules, ...lifecycleRules, ...failureRules, ...checkpointRules];

/** Why a sink need not keep this rule; undefined where it must. */
export function excuseFor({ needs = [] }: Rule, options: ContractOptions): string | undefined {
  return needs.map((need) => excuses[need](options)).find((excuse) => excuse !== undefined);
}

const excuses: Record<Need, (options: ContractOptions) => string | undefined> = {
  outage: ({ noOutage }) => noOutage,
  poison: ({ noPoison }) => noPoison,
  checkpoints: ({ checkpoints = 'the options promise no checkpoints' }) =>
    typeof checkpoints === 'string' ? checkpoints : undefined,
  'exactly-once': ({ checkpoints }) =>
    typeof checkpoints === 'object' && checkpoints.delivery === 'exactly-once' ? undefined : 'at least once',
  fence: ({ checkpoints }) => (typeof checkpoints === 'object' ? checkpoints.noFence : undefined),
};

export async function runRule(rule: Rule, open: OpenHarness, options: ContractOptions): Promise<void> {
  const tools = new Toolbox(await open(), options);
  try {
    await rule.run(tools);
  } finally {
    await tools.release();
  }
}
