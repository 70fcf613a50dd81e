import { describe, expect, it } from 'vitest';
import { readArguments, UsageError } from '../../bench/arguments.ts';
import { growthSteps } from '../../bench/growth.ts';
import { makeProfile } from '../../bench/load/profiles.ts';
import { peakMemory, processorTime } from '../../bench/measure/process.ts';
import type { Throughput } from '../../bench/measure/run.ts';
import { candidatesFor, fieldOf } from '../../bench/plan.ts';
import { show, table } from '../../bench/report/table.ts';
import { latencyTable, throughputTables } from '../../bench/report/tables.ts';

describe('arguments', () => {
  it('measures everything and writes the page when nothing is said, else no page', () => {
    expect(readArguments([])).toMatchObject({
      rounds: 3,
      page: 'docs/benchmarks.md',
      sinks: ['stdout', 'redis', 'kafka'],
    });
    expect(readArguments(['--sinks', 'redis'])).toMatchObject({ page: null, sinks: ['redis'] });
    expect(readArguments(['--quick'])).toMatchObject({ page: null, rounds: 1 });
    expect(readArguments(['--quick', '--page', 'x.md'])).toMatchObject({ page: 'x.md' });
    expect(readArguments(['--help'])).toBeNull();
  });

  it('reads a variant of the bridge', () => {
    const options = readArguments(['--variant', 'once:REDIS_DELIVERY=exactly-once,REDIS_LINGER=1ms']);
    const env = { REDIS_DELIVERY: 'exactly-once', REDIS_LINGER: '1ms' };
    expect(options?.variants).toEqual([{ name: 'once', env }]);
  });

  it('runs only the candidates that are named', () => {
    const options = readArguments(['--candidates', 'bridge,write only', '--sinks', 'stdout,redis']);
    if (options === null) throw new Error('no help was asked for');
    const field = fieldOf(options);
    expect(candidatesFor('stdout', field).map(({ name }) => name)).toEqual(['bridge', 'write only']);
    expect(() => fieldOf({ ...options, candidates: ['bridge', 'rust'] })).toThrow(
      'there is no "rust", only bridge, naive',
    );
  });

  it.each([
    [['--sinks', 'stdin'], 'there is no "stdin", only stdout, redis, kafka'],
    [['--rounds', '0'], 'must be a whole number from 1'],
    [['--variant', 'x'], 'must look like'],
    [['--speed'], "Unknown option '--speed'"],
  ])('refuses %j', (args, message) => {
    expect(() => readArguments(args)).toThrow(UsageError);
    expect(() => readArguments(args)).toThrow(message);
  });
});

it('grows one thing at a time, with profiles that exist', () => {
  const steps = growthSteps(1);
  expect(steps.filter(({ axis }) => axis === 'streams').map(({ streams }) => streams)).toEqual([1, 10, 100, 1_000]);
  const small = steps.filter(({ value }) => value <= 1_000);
  expect(small.filter(({ profile }) => makeProfile(profile) === null)).toEqual([]);
});

it('reads processor time and memory of a process', () => {
  const before = processorTime(process.pid);
  const burnt = process.cpuUsage();
  while (process.cpuUsage(burnt).user < 100_000) JSON.stringify(burnt);
  expect(processorTime(process.pid) - before).toBeGreaterThan(0.05);
  // Before the peak: it may grow in between. The kernel counts both in strides.
  const now = process.memoryUsage.rss();
  expect(peakMemory(process.pid)).toBeGreaterThan(0.9 * now);
});

describe('tables', () => {
  const whole = { expected: 9, missing: 0, doubled: 0, altered: 0, unknown: 0 };

  function row(candidate: string, round: number, cpu: number, verdict = whole) {
    const figures = { cpu, warmCpu: cpu / 2, eventsPerSecond: 1e6 / cpu, peakBytes: 5e7, verdict } as Throughput;
    return { profile: 'decode1', sink: 'stdout', candidate, round, failure: null, figures } as const;
  }

  function cells(rows: Parameters<typeof throughputTables>[0]): string[][] {
    const lines = throughputTables(rows)
      .join('\n')
      .split('\n')
      .filter((line) => line.startsWith('| decode1'));
    return lines.map((line) =>
      line
        .split('|')
        .slice(2, -1)
        .map((cell) => cell.trim()),
    );
  }

  it('shows medians over the rounds and the ratio to the naive bridge', () => {
    const rows = [row('bridge', 1, 10), row('naive', 1, 20), row('bridge', 2, 30), row('bridge', 3, 11)];
    expect(cells(rows)).toEqual([
      ['bridge', 'yes', '11.0', '5.50', '0.55', '–', '90 909', '50.0'],
      ['naive', 'yes', '20.0', '10.0', '–', '–', '50 000', '50.0'],
    ]);
  });

  it('says where records are missing and where a run failed', () => {
    const failed = { ...row('naive', 1, 1), figures: null, failure: 'it ended' };
    const [bridge, naive] = cells([row('bridge', 1, 9, { ...whole, missing: 2 }), row('bridge', 2, 9), failed]);
    expect(bridge?.[1]).toBe('no: 2 missing, 0 doubled, 0 altered, 0 unknown');
    expect(naive?.slice(1, 3)).toEqual(['1 of 1 runs failed', '–']);
  });

  it('aligns columns and keeps three digits', () => {
    expect([1234567.8, 123.4, 12.34, 1.234, Number.NaN].map((value) => show(value))).toEqual([
      '1 234 568',
      '123',
      '12.3',
      '1.23',
      '–',
    ]);
    expect(table(['name', 'n'], [['a', '10']])).toBe('| name |   n |\n|------|----:|\n| a    |  10 |');
  });

  it('shows how far the 99th percentile of the rounds lies apart', () => {
    const rows = [0.7, 0.6, 1.25].map((p99, index) => ({
      ...({ profile: 'decode1', sink: 'redis', candidate: 'bridge', round: index + 1, failure: null } as const),
      figures: { p50: 0.3, p99, records: 9, expected: 9 },
    }));
    expect(latencyTable(rows)).toContain('| yes      |   0.30 |   0.70 |      0.60 to 1.25 |');
  });
});
