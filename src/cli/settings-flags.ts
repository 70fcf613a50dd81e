import type { Command } from 'commander';
import { Option } from 'commander';
import type { Leaf } from '../config/catalogue.ts';
import { catalogueOf } from '../config/catalogue.ts';
import { formatOf } from '../config/formats.ts';
import type { Layers } from '../config/load.ts';
import { shown } from '../config/mask.ts';
import { ConfigError } from '../core/errors.ts';
import type { SinkModule } from '../core/sink.ts';
import type { Edge } from './edge.ts';

/** Adds `--config` and one flag per setting to a command; `layersOf` reads them back. */
export function addSettingFlags(command: Command, modules: readonly SinkModule[]): Command {
  command.addOption(
    collecting(new Option('--config <file>', 'Configuration file, YAML or JSON. [CONFIG]')).helpGroup('General:'),
  );
  for (const leaf of catalogueOf(modules).leaves) command.addOption(optionOf(leaf));
  return command;
}

/** All layers of the configuration as the command line and the process give them. */
export function layersOf(command: Command, modules: readonly SinkModule[], edge: Edge): Layers {
  const options: Readonly<Record<string, unknown>> = command.opts();
  // The command's own flags are not meant: some may be given several times.
  const known = new Set(['config', ...catalogueOf(modules).leaves.map((leaf) => leaf.flag)]);
  const given = command.options.flatMap((option): readonly (readonly [string, string])[] => {
    const values = options[option.attributeName()];
    return known.has(option.name()) && Array.isArray(values) ? [[option.name(), only(option, values)]] : [];
  });
  const { config, ...flags } = Object.fromEntries(given);
  return { env: edge.env, flags, file: config };
}

function optionOf(leaf: Leaf): Option {
  const isFlag = formatOf(leaf.setting) === 'flag';
  const option = new Option(`--${leaf.flag} ${isFlag ? '[true|false]' : placeholder(leaf)}`, description(leaf));
  if (isFlag) option.preset('true');
  return collecting(option).helpGroup(leaf.section === '' ? 'General:' : `Section ${leaf.section}:`);
}

function placeholder({ setting }: Leaf): string {
  const format = formatOf(setting);
  const words: Partial<Record<typeof format, string>> = {
    choice: 'word',
    name: 'text',
    portOrOff: 'port',
    sources: 'json',
  };
  return `<${words[format] ?? format}>`;
}

function description({ setting, env }: Leaf): string {
  const choices = 'choices' in setting ? ` One of ${setting.choices.join(', ')}.` : '';
  const fallback = setting.default === null ? '' : `, default ${shown(setting, setting.default)}`;
  return `${setting.doc}${choices} [${env}${fallback}]`;
}

/** Collects the values, so that a flag given twice is seen; the library itself would let the last one win. */
function collecting(option: Option): Option {
  return option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
}

function only(option: Option, values: readonly unknown[]): string {
  if (values.length > 1) {
    throw new ConfigError(
      `${option.long ?? option.name()} is given ${values.length} times: give it once (a list is separated by commas)`,
    );
  }
  return String(values[0]);
}
