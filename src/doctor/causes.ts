import type { Finding } from '../core/finding.ts';
import type { GroupFindings } from './examination.ts';

const mostCauses = 3;
const mostSubjects = 2;
const longest = 60;

/** Each cause once, with those that it concerns: `a and b: connection refused; c: missing`. */
export function causesOf(groups: readonly GroupFindings[], level: 'failure' | 'warning'): string {
  const subjects = new Map<string, Set<string>>();
  for (const { subject, cause } of origins(groups, level)) {
    const known = subjects.get(cause ?? '') ?? new Set();
    subjects.set(cause ?? '', known.add(subject));
  }
  const named = [...subjects].slice(0, mostCauses).map(([cause, those]) => `${listOf([...those])}: ${cause}`);
  const more = subjects.size - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** Without what only follows from something else that is among them. */
function origins(groups: readonly GroupFindings[], level: Finding['level']): readonly Finding[] {
  const those = groups.flatMap(({ findings }) => findings).filter((one) => one.level === level);
  const left = those.filter((one) => !isSeenFromHere(one, groups));
  const rest = left.filter(({ code }) => code !== 'bridge-not-ready');
  return rest.length > 0 ? rest : left;
}

/** The bridge says that one of its parts fails, and the look at that part from here has found a cause. */
function isSeenFromHere({ code, subject, facts }: Finding, groups: readonly GroupFindings[]): boolean {
  const has = (isPart: (title: string) => boolean) =>
    groups.some(({ title, findings }) => isPart(title) && findings.some(({ level }) => level === 'failure'));
  if (code.startsWith('bridge-sink-')) return has((title) => title === subject);
  if (code.startsWith('bridge-source-')) return has((title) => title.endsWith(` ${facts?.['endpoint']}`));
  return false;
}

function listOf(subjects: readonly string[]): string {
  const short = subjects.map((one) => (one.length > longest ? `${one.slice(0, longest)}...` : one));
  if (short.length <= mostSubjects) return short.join(' and ');
  return `${short.slice(0, mostSubjects).join(', ')} and ${short.length - mostSubjects} more`;
}
