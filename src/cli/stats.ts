import type { Command } from 'commander';
import { ConfigError } from '../core/errors.ts';
import { sinkModules } from '../sinks/registry.ts';
import { Stats } from '../stats/stats.ts';
import type { Edge } from './edge.ts';
import { progressOn } from './progress.ts';
import { addSettingFlags } from './settings-flags.ts';
import { ableSinks, chooseSink } from './sink-choice.ts';
import type { StatsInput } from './stats-input.ts';
import { fileInput, standardInput, unknownInput } from './stats-input.ts';
import { statsText } from './stats-text.ts';
import { paintFor } from './style.ts';

const defaultBlocks = 500_000;
const maxStreams = 20_000;

const helpText = `
INPUT is a file of JSON lines (one record each, as the sinks file and stdout write them), a folder of such files, a capture
(the records that a bridge would make of it), - for standard input, or the name of a sink (redis, kafka, file), found by the
usual settings. Reads what is there when it begins (standard input: to its end), and changes nothing.

Memory is bounded: about 250 bytes for each of the --max-blocks blocks. Where there are more at once, only every second,
fourth ... block is followed, and the output says so. Duplicates are found by the order of each stream, without
remembering every id; the output says where that had to be approximate.

Examples:
  kv-event-bridge stats ./data
  zcat records-*.ndjson.gz | kv-event-bridge stats -
  kv-event-bridge stats redis --redis-url redis://redis:6379 --json | jq .blocks.reuse`;

/** `stats`: what is in a file or a sink. */
export function addStatsCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  const command = program
    .command('stats')
    .description(
      'Count what is in a file, a folder, a capture or a sink: events, streams, gaps, duplicates, blocks and their reuse.',
    )
    .argument('<input>', 'A file, a folder, a capture, a sink, or - for standard input.')
    .option('--max-blocks <number>', 'Blocks that are followed at once.', maxBlocksOf, defaultBlocks)
    .option('--json', 'Print JSON.')
    .addHelpText('after', helpText);
  addSettingFlags(command, sinkModules).action(async (name: string, flags: { maxBlocks: number; json?: true }) => {
    const stop = new AbortController();
    edge.onSignal(() => stop.abort());
    const input = await inputOf(name, { command, edge });
    const stats = await count(input, edge, new Stats({ maxBlocks: flags.maxBlocks, maxStreams }), stop.signal);
    if (stop.signal.aborted) edge.stderr.write('stats: stopped before the end; these are the records so far\n');
    const flaw = input.flaw?.() ?? null;
    if (flaw !== null && !stop.signal.aborted) edge.stderr.write(`stats: ${flaw.text}\n`);
    const report = stats.report();
    edge.stdout.write(
      flags.json ? `${JSON.stringify(report, null, 2)}\n` : statsText(report, paintFor(edge.stdout, edge.env)),
    );
    // Numbers of a part are no answer to whoever does not read the line above.
    done(stop.signal.aborted || flaw?.isBad === true ? 1 : 0);
  });
}

/** The name of a sink goes before that of a file: `./redis` means the file. */
async function inputOf(name: string, context: { readonly command: Command; readonly edge: Edge }): Promise<StatsInput> {
  if (name === '-') return standardInput(context.edge);
  if (!ableSinks('reader').includes(name)) {
    const input = await fileInput(name);
    if (input === null) throw unknownInput(name);
    return input;
  }
  const chosen = await chooseSink(name, 'reader', context);
  const reader = await chosen?.module.reader?.(chosen.config, { bridge: chosen.bridge });
  if (reader === undefined) throw new Error(`the sink "${name}" has no reader`);
  return { reader, unit: name === 'file' ? 'bytes' : 'records' };
}

async function count({ reader, unit }: StatsInput, edge: Edge, stats: Stats, signal: AbortSignal): Promise<Stats> {
  const progress = progressOn(edge.stderr, 'reading', unit);
  try {
    const options = { from: 'start', follow: false, signal, onProgress: progress.update } as const;
    for await (const { text } of reader.records(options)) stats.add(text);
  } finally {
    progress.stop();
    await reader.close();
  }
  return stats;
}

function maxBlocksOf(text: string): number {
  const number = Number(text);
  if (/^\d{1,9}$/.test(text) && number >= 1_000) return number;
  throw new ConfigError(`--max-blocks: ${JSON.stringify(text)} must be a whole number from 1000`);
}
