import { expect } from 'vitest';
import type { Finding } from '../../src/core/finding.ts';

/** All findings, in order. Each has what every finding must have. */
export async function findingsFrom(examination: AsyncIterable<Finding>): Promise<readonly Finding[]> {
  const list: Finding[] = [];
  for await (const finding of examination) list.push(finding);
  for (const finding of list) checkFinding(finding);
  return list;
}

export function checkFinding({ level, code, subject, message, remedy }: Finding): void {
  expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
  expect(subject).not.toBe('');
  expect(message).not.toBe('');
  if (level === 'warning' || level === 'failure') expect(remedy, code).toMatch(/\w/);
}

export function codesOf(findings: readonly Finding[], ...levels: readonly Finding['level'][]): readonly string[] {
  return findings.filter(({ level }) => levels.length === 0 || levels.includes(level)).map(({ code }) => code);
}

/** The one finding with this code. */
export function the(code: string, findings: readonly Finding[]): Finding {
  const found = findings.filter((one) => one.code === code);
  expect(found, `${code} in ${codesOf(findings).join(' ')}`).toHaveLength(1);
  return found[0] as Finding;
}
