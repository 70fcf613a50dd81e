import type { Command } from 'commander';
import type { Checkpoint } from '../core/checkpoint.ts';
import type { CheckpointBook, NameState } from '../core/checkpoint-book.ts';
import { ConfigError } from '../core/errors.ts';
import { sinkModules } from '../sinks/registry.ts';
import type { Edge } from './edge.ts';
import { addSettingFlags } from './settings-flags.ts';
import type { ChosenSink } from './sink-choice.ts';
import { ableSinks, chooseSink } from './sink-choice.ts';
import { printable, span, table } from './table.ts';

/** `inspect`: what a sink holds of each stream, and who holds the bridge's name there. */
export function addInspectCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  const command = program
    .command('inspect')
    .description("Show a sink's checkpoints of each stream, and who holds the bridge's name there. Changes nothing.")
    .argument('[sink]', `One of ${ableSinks('checkpoints').join(', ')}; without it the first enabled one of these.`)
    .option('--stream <text>', 'Only streams whose id contains this.')
    .option('--json', 'Print JSON.');
  addSettingFlags(command, sinkModules).action(
    async (name: string | undefined, flags: { readonly stream?: string; readonly json?: true }) => {
      const chosen = await chooseSink(name ?? null, 'checkpoints', { command, edge });
      if (chosen === null)
        throw new ConfigError(`no enabled sink keeps checkpoints: name one of ${ableSinks('checkpoints').join(', ')}`);
      const found = await withBook(chosen, async (book) => ({
        held: await book.list(),
        state: await book.nameState(),
      }));
      const streams = [...found.held]
        .filter(([id]) => id.includes(flags.stream ?? ''))
        .map(([id, one]) => shown(id, one));
      const report = { sink: chosen.module.name, name: chosen.bridge, ...stateOf(found.state), streams };
      edge.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
      done(0);
    },
  );
}

export async function withBook<T>(
  { module, config, bridge }: ChosenSink,
  work: (book: CheckpointBook) => Promise<T>,
): Promise<T> {
  const book = await module.checkpoints?.(config, { bridge });
  if (book === undefined) throw new Error(`the sink "${module.name}" keeps no checkpoints`);
  try {
    return await work(book);
  } finally {
    await book.close();
  }
}

function stateOf({ isHeld, evidence }: NameState) {
  return { held: isHeld, evidence };
}

/** An engine's `ts` is seconds, of some milliseconds. */
function shown(stream: string, { position: { epoch, seq, sub }, ts }: Checkpoint) {
  const at = ts === null ? null : ts > 1e11 ? ts / 1_000 : ts;
  const age = at === null ? null : Number((Date.now() / 1_000 - at).toFixed(3));
  return { stream, epoch, seq: seq === null ? null : String(seq), sub, ts, age_seconds: age };
}

interface Report {
  readonly sink: string;
  readonly name: string;
  readonly held: boolean;
  readonly evidence: string;
  readonly streams: readonly ReturnType<typeof shown>[];
}

function textOf({ sink, name, held, evidence, streams }: Report): string {
  const rows = streams.map((one) => [printable(one.stream), one.epoch, one.seq ?? '-', one.sub, span(one.age_seconds)]);
  const who = `${sink}: a bridge named "${name}" ${held ? 'runs' : 'does not run, as far as can be told'}: ${printable(evidence)}\n`;
  return who + table(['stream', 'epoch', 'seq', 'sub', 'age'], rows);
}
