import { isComplete } from '../measure/ledger.ts';
import { medianOf } from '../measure/statistics.ts';
import type { GrowthRow, LatencyRow, MicroRow, ThroughputRow } from '../results.ts';
import { grouped, show, table } from './table.ts';

/** One table for each sink, from the medians of all rounds. */
export function throughputTables(rows: readonly ThroughputRow[]): string[] {
  const sinks = [...new Set(rows.map(({ sink }) => sink))];
  return sinks.map((sink) => {
    const here = rows.filter((row) => row.sink === sink);
    const head = [
      'profile',
      'candidate',
      'complete',
      'CPU µs/event',
      'warm',
      '× naive',
      '× python',
      'events/s',
      'peak MB',
    ];
    return `### Sink: ${sink}\n\n${table(
      head,
      groups(here).map((group) => throughputLine(group, here)),
      3,
    )}`;
  });
}

function throughputLine(group: readonly ThroughputRow[], all: readonly ThroughputRow[]): string[] {
  const [{ profile = '', candidate = '' } = {}] = group;
  const cpu = cpuOf(group);
  const beside = (name: string) => {
    const other = cpuOf(all.filter((row) => row.profile === profile && row.candidate === name));
    return candidate === name ? null : ratio(cpu, other);
  };
  return [
    profile,
    candidate,
    completeness(group),
    show(cpu),
    show(medianOf(group, ({ figures }) => figures?.warmCpu ?? null)),
    show(beside('naive')),
    show(beside('python')),
    show(medianOf(group, ({ figures }) => figures?.eventsPerSecond ?? null)),
    show(medianOf(group, ({ figures }) => (figures === null ? null : figures.peakBytes / 1e6))),
  ];
}

function cpuOf(group: readonly ThroughputRow[]): number | null {
  return medianOf(group, ({ figures }) => figures?.cpu ?? null);
}

function ratio(value: number | null, other: number | null): number | null {
  return value === null || other === null ? null : value / other;
}

function completeness(group: readonly ThroughputRow[]): string {
  const failed = group.filter(({ failure }) => failure !== null).length;
  if (failed > 0) return `${failed} of ${group.length} runs failed`;
  const verdicts = group.flatMap(({ figures }) => figures?.verdict ?? []);
  if (verdicts.length === 0) return 'nothing to check';
  const bad = verdicts.find((verdict) => !isComplete(verdict));
  if (bad === undefined) return 'yes';
  return `no: ${bad.missing} missing, ${bad.doubled} doubled, ${bad.altered} altered, ${bad.unknown} unknown`;
}

export function latencyTable(rows: readonly LatencyRow[]): string {
  const lines = groups(rows).map((group) => {
    const [{ sink = '', candidate = '' } = {}] = group;
    return [
      sink,
      candidate,
      group.every(({ figures }) => figures !== null && figures.records === figures.expected) ? 'yes' : 'no',
      show(medianOf(group, ({ figures }) => figures?.p50 ?? null)),
      show(medianOf(group, ({ figures }) => figures?.p99 ?? null)),
      range(group.flatMap(({ figures }) => figures?.p99 ?? [])),
    ];
  });
  return table(['sink', 'candidate', 'complete', 'p50 ms', 'p99 ms', 'p99 of the rounds'], lines, 3);
}

/** A tail is made of what the machine does beside: it differs from round to round. */
function range(values: readonly number[]): string {
  if (values.length === 0) return show(null);
  return `${show(Math.min(...values))} to ${show(Math.max(...values))}`;
}

export function microTable(rows: readonly MicroRow[]): string {
  const head = ['what', 'profile', 'implementation', 'batches/s', 'tokens/s', 'MB/s out', '× reference'];
  const lines = rows.map((row) => {
    const reference = rows.find(({ what, profile }) => what === row.what && profile === row.profile);
    const times = reference === undefined ? null : row.batchesPerSecond / reference.batchesPerSecond;
    return [
      row.what,
      row.profile,
      row.implementation,
      show(row.batchesPerSecond),
      show(row.tokensPerSecond === 0 ? null : row.tokensPerSecond),
      show(row.megabytesPerSecond),
      show(times),
    ];
  });
  return table(head, lines, 3);
}

export function growthTable(rows: readonly GrowthRow[]): string {
  const head = ['what grows', 'to', 'complete', 'frame bytes', 'CPU µs/batch', 'CPU µs/event', 'batches/s', 'peak MB'];
  const lines = rows.map(({ axis, value, figures, frameBytes }) => [
    axis,
    grouped(String(value)),
    figures.verdict !== null && isComplete(figures.verdict) ? 'yes' : 'no',
    grouped(String(frameBytes)),
    show(figures.batchCpu),
    show(figures.events === 0 ? null : figures.warmCpu),
    show(figures.batchesPerSecond),
    show(figures.peakBytes / 1e6),
  ]);
  return table(head, lines, 3);
}

/** The rounds of the same thing together, in the order in which they first came. */
function groups<T extends { sink: string; profile: string; candidate: string }>(rows: readonly T[]): T[][] {
  const found = new Map<string, T[]>();
  for (const row of rows) {
    const key = `${row.sink}/${row.profile}/${row.candidate}`;
    const group = found.get(key) ?? [];
    found.set(key, group);
    group.push(row);
  }
  return [...found.values()];
}
