import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { doctorFindings } from '../../src/doctor/findings.ts';
import { kafkaFindings } from '../../src/sinks/kafka/examine-findings.ts';
import { redisFindings } from '../../src/sinks/redis/examine-findings.ts';
import { stdoutFindings } from '../../src/sinks/stdout/examine.ts';
import { alerts } from '../monitoring/support.ts';
import { faults } from '../tour/faults/all.ts';
import { read, root } from './support.ts';

const page = read('docs/operations.md');
const known = Object.keys({ ...doctorFindings, ...stdoutFindings, ...redisFindings, ...kafkaFindings });

function sectionOf(name: string): string {
  return page.split(new RegExp(`^### ${name}$`, 'im'))[1]?.split(/^##+ /m)[0] ?? '';
}

const codesIn = (text: string) => [...text.matchAll(/ \[([a-z-]+)\]$/gm)].map((match) => match[1] ?? '');

describe('the failures of docs/operations.md', () => {
  it('are those of the tour, in its order', () => {
    const [, failures = ''] = page.split('\n## Failures\n');
    const headings = [...failures.matchAll(/^### (.*)$/gm)].map((match) => match[1]?.toLowerCase());
    expect(headings).toEqual(faults.map(({ name }) => name.toLowerCase()));
  });

  it.each(faults.map((fault) => [fault.name, fault] as const))('%s: are what the tour demands', (name, fault) => {
    const section = sectionOf(name);
    expect(codesIn(section)).toEqual(expect.arrayContaining([...fault.doctor.codes]));
    expect(/^Verdict: .*$/m.exec(section)?.[0]).toMatch(fault.doctor.verdict);
    expect(section).toContain(`\`doctor\`, exit code ${fault.doctor.exitCode}:`);
    expect(section).toContain(`| alert | [${fault.alert.name}](runbooks.md#`);
    expect(section).toContain(`| \`/readyz\` | \`${fault.readiness === 'ready' ? 200 : 503} `);
    expect(section).toContain(fault.broken);
  });

  it('name only findings and alerts that exist', () => {
    expect(codesIn(page).filter((code) => !known.includes(code))).toEqual([]);
    const named = [...page.matchAll(/\[(KvEventBridge\w+)\]/g)].map((match) => match[1]);
    const rules = alerts().map(({ alert }) => alert);
    expect(named.filter((alert) => !rules.includes(alert ?? ''))).toEqual([]);
  });
});

describe('npm run tour', () => {
  const tour = (...args: string[]) =>
    spawnSync(process.execPath, ['scripts/tour.mjs', ...args], { cwd: root, encoding: 'utf8' });

  it('explains itself', () => {
    expect(tour('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--write') });
  });

  it('does not write a part of the faults over all of them', () => {
    const { status, stderr } = tour('--write', '--only', 'full Redis');
    expect(status).toBe(2);
    expect(stderr).toBe('error: --write needs all faults: leave out --only; see npm run tour -- --help\n');
    expect(read('docs/operations.md')).toBe(page);
  });
});

/** Runs the script on copies; the text of the page then. */
function sized(change: (benchmarks: string) => string): string {
  const copy = mkdtempSync(join(tmpdir(), 'kv-sizing-'));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  mkdirSync(join(copy, 'docs'));
  cpSync(join(root, 'scripts'), join(copy, 'scripts'), { recursive: true });
  writeFileSync(join(copy, 'docs/operations.md'), page);
  writeFileSync(join(copy, 'docs/benchmarks.md'), change(read('docs/benchmarks.md')));
  const { status, stderr } = spawnSync(process.execPath, ['scripts/sizing.mjs'], { cwd: copy, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return readFileSync(join(copy, 'docs/operations.md'), 'utf8');
}

describe('the sizing table of docs/operations.md', () => {
  it('is what npm run sizing makes of docs/benchmarks.md', () => {
    expect(sized((benchmarks) => benchmarks)).toBe(page);
  });

  it('counts cores, the bridges that they take, and memory', () => {
    const row = (cost: string, peak: string) =>
      ['', '### Sink: tape', '', '| profile | candidate | CPU µs/event | warm | peak MB |', '|--|--|--|--|--|']
        .concat(`| p | naive | 9 | 9 | 9 |`, `| p | bridge | ${cost} | 1.50 | ${peak} |`, '', '## Latency', '')
        .join('\n');
    expect(sized(() => row('20.0', '99.2'))).toContain('| p | tape | 0.1 | 0.2 | 1.0 (2 bridges) | 100 MB |');
    expect(sized(() => row('1 100', '99'))).toContain('| p | tape | 1.1 (2 bridges) | 11.0 (16 bridges) |');
    expect(() => sized(() => row('–', '99'))).toThrow(/"–" is no number/);
    expect(() => sized(() => 'nothing')).toThrow(/has no table/);
  });
});
