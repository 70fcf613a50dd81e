import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FindingRow } from '../../src/core/finding-table.ts';
import { doctorFindings } from '../../src/doctor/findings.ts';
import { fileFindings } from '../../src/sinks/file/examine-findings.ts';
import { kafkaFindings } from '../../src/sinks/kafka/examine-findings.ts';
import { redisFindings } from '../../src/sinks/redis/examine-findings.ts';
import { stdoutFindings } from '../../src/sinks/stdout/examine.ts';

const root = new URL('../../', import.meta.url).pathname;
const page = readFileSync(join(root, 'docs/doctor.md'), 'utf8');
const tables: readonly Readonly<Record<string, FindingRow>>[] = [
  doctorFindings,
  stdoutFindings,
  fileFindings,
  redisFindings,
  kafkaFindings,
];
const rows = tables.flatMap((table) => Object.entries(table));

function rowText([code, { level, means, remedy }]: readonly [string, FindingRow]): string {
  return `| \`${code}\` | ${level} | ${means} | ${remedy ?? ''} |`;
}

/** All sources that may report findings, without the tables themselves. */
function sources(): string {
  const files = ['src/doctor', 'src/sinks'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !/(?:bridge|endpoint|stream|replay|examine)-findings\.ts$/.test(name))
      .map((name) => join(root, folder, name)),
  );
  return files.map((file) => readFileSync(file, 'utf8').replace(/^ {2}'[a-z-]+': \{$/gm, '')).join('\n');
}

describe('docs/doctor.md', () => {
  it('has the rows of the code, and no others', () => {
    const documented = page
      .split('\n')
      .filter((line) => /^\| `[a-z-]+` \| (?:ok|note|warning|failure|skipped) \|/.test(line));
    expect(documented.toSorted()).toEqual(rows.map(rowText).toSorted());
  });

  it('no code stands in two tables', () => {
    expect(new Set(rows.map(([code]) => code)).size).toBe(rows.length);
  });

  it('every code is reported somewhere', () => {
    const text = sources();
    expect(rows.map(([code]) => code).filter((code) => !text.includes(`'${code}'`))).toEqual([]);
  });

  it('every warning and failure has a remedy', () => {
    const silent = rows.filter(([, { level, remedy }]) => /warning|failure/.test(level) && !remedy);
    expect(silent).toEqual([]);
  });
});
