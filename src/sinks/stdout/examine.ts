import type { Finding } from '../../core/finding.ts';
import type { FindingRow } from '../../core/finding-table.ts';
import { finderOf } from '../../core/finding-table.ts';

/** What there is to say of standard output. */
export const stdoutFindings = {
  'stdout-unconfirmed': {
    level: 'note',
    means: 'Standard output confirms nothing and keeps no checkpoints: a record counts once the pipe has taken it.',
    remedy: 'add redis, kafka or file to sinks, where records must survive',
  },
} as const satisfies Readonly<Record<string, FindingRow>>;

const find = finderOf(stdoutFindings);

export async function* examineStdout(): AsyncGenerator<Finding> {
  yield find('stdout-unconfirmed', 'stdout', 'it confirms nothing and keeps no checkpoints');
}
