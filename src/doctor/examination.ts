import type { Finding } from '../core/finding.ts';
import { Turns } from '../ingress/replay-turns.ts';
import type { Group } from './groups.ts';

export interface GroupFindings {
  readonly title: string;
  readonly findings: readonly Finding[];
}

/** At the same time: the wait for frames is then the same for all, and a machine has only so many sockets. */
const atOnce = 32;

/**
 * Looks at all groups at the same time. Hands the findings of each over, in the order of the groups, as soon as it and those
 * before it are done.
 */
export async function* examineAll(groups: readonly Group[], signal: AbortSignal): AsyncGenerator<GroupFindings> {
  const turns = new Turns(atOnce);
  const results = groups.map(async ({ title, findings }): Promise<GroupFindings> => {
    if (!(await turns.take(signal))) return { title, findings: [] };
    try {
      return { title, findings: await gathered(findings()) };
    } finally {
      turns.give();
    }
  });
  // A later one may fail before it is waited for.
  for (const result of results) result.catch(() => undefined);
  for (const result of results) yield await result;
}

async function gathered(findings: AsyncIterable<Finding>): Promise<readonly Finding[]> {
  const list: Finding[] = [];
  for await (const finding of findings) list.push(finding);
  return list;
}
