import type { StatsReport } from '../stats/stats.ts';
import type { StreamReport } from '../stats/stream-stats.ts';
import type { Paint } from './style.ts';
import { printable, span, table } from './table.ts';

const shownStreams = 20;
const shownModels = 10;

/** The report for people. */
export function statsText(report: StatsReport, paint: Paint): string {
  const parts = [
    summary(report, paint),
    section('Types', table(['type', 'count', 'share'], typeRows(report)), paint),
    section(
      `Models (${Object.keys(report.models).length})`,
      table(['model', 'stored', 'removed', 'other'], modelRows(report)),
      paint,
    ),
    section(`Streams (${report.streams.known})`, streams(report), paint),
    blocks(report, paint),
    ...limits(report),
  ];
  return parts.join('\n');
}

function section(title: string, text: string, paint: Paint): string {
  return `${paint('bold', title)}\n${text}`;
}

function summary(report: StatsReport, paint: Paint): string {
  const { received, records, duplicates, gaps, missing, restarts, unexplained, recovered } = report;
  const bad = (text: string, isBad: boolean) => (isBad ? paint('red', text) : text);
  const exact = report.duplicates_exact ? '' : ' (approximate)';
  const rate = received.records_per_second === null ? '' : `, ${received.records_per_second} records/s`;
  const lines = [
    `${records} records in ${report.streams.known} streams${report.unreadable > 0 ? `, ${report.unreadable} lines that are no records` : ''}`,
    `received ${timeOf(received.first)} to ${timeOf(received.last)} (${span(received.seconds)}${rate})`,
    `${bad(`gaps ${gaps}, missing ${missing} batches`, gaps > 0)}, recovered ${recovered}, restarts ${restarts}`,
    bad(`numbers that are neither there nor in a gap: ${unexplained}`, unexplained !== '0'),
    bad(`duplicates by id: ${duplicates}${exact}`, duplicates > 0),
  ];
  return `${lines.join('\n')}\n`;
}

function typeRows({ types }: StatsReport) {
  const total = Object.values(types).reduce((sum, count) => sum + count, 0);
  return Object.entries(types).map(([type, count]) => [printable(type), count, share(count / total)]);
}

function modelRows({ models }: StatsReport) {
  const rows = Object.entries(models).map(([model, types]) => {
    const { BlockStored = 0, BlockRemoved = 0 } = types;
    const all = Object.values(types).reduce((sum, count) => sum + count, 0);
    return [printable(model), BlockStored, BlockRemoved, all - BlockStored - BlockRemoved] as const;
  });
  return rows.sort((a, b) => b[1] - a[1]).slice(0, shownModels);
}

/** Those with something to look at first. */
function streams({ streams: { items, known, records_of_others: beyond } }: StatsReport): string {
  const head = ['stream', 'events', 'first', 'last', 'epochs', 'gaps', 'missing', 'restarts', 'duplicates'];
  const rows = [...items]
    .sort((a, b) => trouble(b) - trouble(a) || b.events - a.events)
    .slice(0, shownStreams)
    .map((one) => [
      printable(one.id),
      one.events,
      one.first?.seq ?? '-',
      one.last?.seq ?? '-',
      one.epochs,
      Object.values(one.gaps).reduce((sum, count) => sum + count, 0),
      one.missing,
      one.restarts,
      one.duplicates,
    ]);
  const more = known > rows.length ? `  ... and ${known - rows.length} more (--json has all)\n` : '';
  const others = beyond > 0 ? `  ... and ${beyond} records of streams beyond the limit\n` : '';
  return table(head, rows) + more + others;
}

function trouble({ missing, unexplained, duplicates }: StreamReport): number {
  return Number(BigInt(missing) + BigInt(unexplained)) + duplicates;
}

function blocks({ blocks: { sizes, lifetimes, reuse } }: StatsReport, paint: Paint): string {
  const { p50, p90, p99, max } = lifetimes.seconds;
  const ends = `removed ${lifetimes.removed}, cleared ${lifetimes.cleared}, still stored ${lifetimes.still_stored}, end unknown ${lifetimes.end_unknown}`;
  const life = `  p50 ${span(p50)}, p90 ${span(p90)}, p99 ${span(p99)}, longest ${span(max)}\n  ${ends}\n`;
  const shared = reuse.share_on_several_pods === null ? '-' : share(reuse.share_on_several_pods);
  const lines = `  ${reuse.stores} stores of ${reuse.distinct_blocks} different blocks on ${reuse.pods} pods; on several pods: ${reuse.blocks_on_several_pods} (${shared})\n`;
  const top = reuse.top.map(({ hash, model, pods, stores }) => [
    printable(hash),
    pods,
    stores,
    printable(model ?? '-'),
  ]);
  return [
    section('Block sizes', table(['tokens per block', 'events', 'blocks', 'tokens'], sizes.map(sizeRow)), paint),
    section('Lifetime of blocks', life, paint),
    section('Reuse', lines + (top.length > 0 ? table(['most shared', 'pods', 'stores', 'model'], top) : ''), paint),
  ].join('\n');
}

function sizeRow(size: StatsReport['blocks']['sizes'][number]) {
  return [size.block_size ?? 'not said', size.events, size.blocks, size.tokens];
}

function limits({ blocks: { lifetimes, reuse }, limits: { max_blocks: maxBlocks } }: StatsReport): string[] {
  const said = (what: string, weight: number) =>
    weight > 1
      ? [
          `${what}: more than ${maxBlocks} blocks at once; one of ${weight} is followed, and counts for ${weight} (--max-blocks)\n`,
        ]
      : [];
  return [...said('lifetime of blocks', lifetimes.one_of), ...said('reuse', reuse.one_of)];
}

function share(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

function timeOf(seconds: number | null): string {
  return seconds === null ? '-' : new Date(seconds * 1_000).toISOString();
}
