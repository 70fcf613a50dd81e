import type { Command } from 'commander';
import type { Effective, Loaded } from '../config/load.ts';
import { loadConfig } from '../config/load.ts';
import { masked, shown } from '../config/mask.ts';
import { sinkModules } from '../sinks/registry.ts';
import type { Edge } from './edge.ts';
import { addSettingFlags, layersOf } from './settings-flags.ts';

/** `check-config`: what is in effect and where it came from. A wrong configuration is a `ConfigError`, exit code 2. */
export function addCheckConfigCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  const command = program
    .command('check-config')
    .description('Check the configuration; print what is in effect and where each value came from, secrets hidden.')
    .option('--json', 'Print JSON.');
  addSettingFlags(command, sinkModules).action(async () => {
    const loaded = await loadConfig(sinkModules, layersOf(command, sinkModules, edge));
    edge.stdout.write(command.opts()['json'] ? asJson(loaded) : asLines(loaded));
    for (const warning of loaded.warnings) edge.stderr.write(`warning: ${warning}\n`);
    done(0);
  });
}

function asLines({ effective }: Loaded): string {
  return effective
    .map(({ leaf, value, origin }) => `${leaf.path} = ${shown(leaf.setting, value)}  (${origin})\n`)
    .join('');
}

function asJson({ effective, warnings }: Loaded): string {
  const settings = Object.fromEntries(effective.map((one) => [one.leaf.path, entryOf(one)]));
  return `${JSON.stringify({ settings, warnings }, null, 2)}\n`;
}

function entryOf({ leaf, value, origin }: Effective) {
  return { value: masked(leaf.setting, value), origin };
}
