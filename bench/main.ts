// The bench: argv, servers, rounds, report. Exit codes: 0 done and complete, 1 failed or incomplete, 2 usage.
import { writeFile } from 'node:fs/promises';
import type { Options } from './arguments.ts';
import { help, readArguments, UsageError } from './arguments.ts';
import { measureGrowth } from './growth.ts';
import { isComplete } from './measure/ledger.ts';
import { measureRecordBatches } from './micro/record-batch.ts';
import { measureTranscoders } from './micro/transcode.ts';
import { fieldOf, openTarget } from './plan.ts';
import { facts, loadNow } from './report/machine.ts';
import { page, tables } from './report/page.ts';
import type { Results } from './results.ts';
import type { Bench } from './rounds.ts';
import { latencyRounds, throughputRounds } from './rounds.ts';
import type { SinkName, Target } from './targets/target.ts';

// Servers and candidates are killed by what runs at an exit, which a signal alone would skip.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const options = readArguments(process.argv.slice(2));
    if (options !== null) return await run(options);
    process.stdout.write(`${help}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function run(options: Options): Promise<number> {
  const load = loadNow();
  const field = fieldOf(options);
  if (field.absent !== null) say(field.absent);
  const targets = new Map<SinkName, Target>();
  try {
    if (options.parts.some((part) => part !== 'micro')) await openTargets(options, targets);
    const results = await measure({ options, field, targets, say });
    const servers = [...targets.values()].map(({ version }) => version);
    const report = { facts: facts(options, servers, load), field, rounds: options.rounds, results };
    process.stdout.write(`${tables(report)}\n`);
    if (options.page !== null) await writeFile(options.page, page(report));
    if (options.json !== null) await writeFile(options.json, `${JSON.stringify({ ...report, options }, null, 1)}\n`);
    return isWhole(results) ? 0 : 1;
  } finally {
    for (const target of targets.values()) await target.close();
  }
}

async function openTargets({ parts, sinks }: Options, targets: Map<SinkName, Target>): Promise<void> {
  // The growth table is that of stdout alone.
  const isGrowthAlone = parts.every((part) => part === 'growth' || part === 'micro');
  for (const sink of isGrowthAlone ? (['stdout'] as const) : sinks) targets.set(sink, await openTarget(sink));
}

async function measure(bench: Bench): Promise<Results> {
  const { parts, profiles, rounds } = bench.options;
  const wants = (part: Options['parts'][number]) => parts.includes(part);
  // First, while nothing else has run in this process.
  const micro = wants('micro')
    ? [...(await measureTranscoders(profiles, rounds)), ...(await measureRecordBatches(profiles, rounds))]
    : [];
  return {
    micro,
    throughput: wants('throughput') ? await throughputRounds(bench) : [],
    latency: wants('latency') ? await latencyRounds(bench) : [],
    growth: wants('growth') ? await measureGrowth(bench.options, await openTarget('stdout'), say) : [],
  };
}

function isWhole({ throughput, latency, growth }: Results): boolean {
  const verdicts = [...throughput, ...growth].map(({ figures }) => figures?.verdict ?? null);
  return (
    [...throughput, ...latency].every(({ failure }) => failure === null) &&
    verdicts.every((verdict) => verdict === null || isComplete(verdict)) &&
    latency.every(({ figures }) => figures === null || figures.records === figures.expected)
  );
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
