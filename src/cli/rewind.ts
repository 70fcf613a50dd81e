import type { Command } from 'commander';
import type { Checkpoint } from '../core/checkpoint.ts';
import { checkpointText, comparePositions } from '../core/checkpoint.ts';
import { BridgeError, ConfigError } from '../core/errors.ts';
import { sinkModules } from '../sinks/registry.ts';
import type { Edge } from './edge.ts';
import { withBook } from './inspect.ts';
import { askAtTerminal } from './prompt.ts';
import { addSettingFlags } from './settings-flags.ts';
import { ableSinks, chooseSink } from './sink-choice.ts';
import { isTerminal } from './style.ts';

interface RewindFlags {
  readonly sink: string;
  readonly stream: string;
  readonly to: string;
  readonly epoch?: string;
  readonly yes?: true;
}

const helpText = `
The next start of the bridge asks the engine for everything from that number on, and writes it again: the sink then holds
those records twice, under the same ids, also with exactly-once. What the engine no longer has becomes a StreamGap.
Refused (exit code 1) while a bridge of this name shows that it lives.`;

/** `rewind`: moves the checkpoint of one stream back. */
export function addRewindCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  const command = program
    .command('rewind')
    .description('Make the next start of the bridge deliver a stream again from a number on; while no bridge runs.')
    .requiredOption('--sink <name>', `One of ${ableSinks('checkpoints').join(', ')}.`)
    .requiredOption('--stream <id>', 'The stream, whole, as inspect shows it.')
    .requiredOption('--to <number>', 'The first number to deliver again, or start for the first of the epoch.')
    .option('--epoch <number>', "An earlier epoch; without it the checkpoint's own.")
    .option('--yes', 'Do not ask.')
    .addHelpText('after', helpText);
  addSettingFlags(command, sinkModules).action(async (flags: RewindFlags) => {
    const chosen = await chooseSink(flags.sink, 'checkpoints', { command, edge });
    if (chosen === null) throw new Error('a named sink is always there');
    await withBook(chosen, async (book) => {
      const before = (await book.list()).get(flags.stream) ?? null;
      const after = targetOf(flags, before);
      edge.stdout.write(
        `before  ${before === null ? 'none' : checkpointText(before)}\nafter   ${checkpointText(after)}\n`,
      );
      if (!(await isAgreed(flags, edge))) throw new BridgeError('DECLINED', 'nothing was changed');
      await book.put(flags.stream, after);
    });
    edge.stdout.write('done\n');
    done(0);
  });
}

/** Whose batch comes before is not known any more: the bridge asks from there without comparing it. */
function targetOf({ stream, to, epoch: text }: RewindFlags, before: Checkpoint | null): Checkpoint {
  if (text !== undefined && !/^\d{1,15}$/.test(text))
    throw new ConfigError(`--epoch: ${JSON.stringify(text)} must be a whole number`);
  const epoch = text === undefined ? before?.position.epoch : Number(text);
  if (epoch === undefined)
    throw new ConfigError(
      `--stream: there is no checkpoint of ${JSON.stringify(stream)}; look with inspect, or give --epoch, too`,
    );
  if (to !== 'start' && !/^\d{1,20}$/.test(to))
    throw new ConfigError(`--to: ${JSON.stringify(to)} must be a number or start`);
  const seq = to === 'start' || BigInt(to) === 0n ? null : BigInt(to) - 1n;
  const after = { position: { epoch, seq, sub: 0 }, ts: null, hash: null };
  if (before !== null && comparePositions(after.position, before.position) >= 0)
    throw new ConfigError(
      `--to: ${to} is not before the checkpoint (${checkpointText(before)}): a rewind only goes back`,
    );
  return after;
}

async function isAgreed({ yes }: RewindFlags, edge: Edge): Promise<boolean> {
  if (yes) return true;
  const without = '--yes: is needed where nobody can be asked';
  if (!isTerminal(edge.stdout)) throw new ConfigError(without);
  const answer = await askAtTerminal('Rewind? [y/N] ', edge.stdout, without);
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}
