import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { catalogueOf } from '../config/catalogue.ts';
import { configSchema } from '../config/json-schema.ts';
import { ConfigError } from '../core/errors.ts';
import { sinkModules } from '../sinks/registry.ts';
import type { Edge } from './edge.ts';

const schemaFile = (name: string) => new URL(`../../schemas/${name}.schema.json`, import.meta.url);

interface Options {
  readonly config?: true;
  readonly status?: true;
}

/** `schema`: the JSON Schema of the records, of the configuration file or of `/statusz`. */
export function addSchemaCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  program
    .command('schema')
    .description('Print the JSON Schema (draft 2020-12) of the records.')
    .option('--config', 'Print that of the configuration file instead.')
    .option('--status', 'Print that of what /statusz answers instead.')
    .action(async (options: Options) => {
      edge.stdout.write(await schemaText(options));
      done(0);
    });
}

async function schemaText({ config, status }: Options): Promise<string> {
  if (config && status) throw new ConfigError('schema: --config and --status are two schemas; give one of them');
  if (config) return configSchemaText();
  return readFile(schemaFile(status ? 'status' : 'record'), 'utf8');
}

function configSchemaText(): string {
  const names = sinkModules.map((module) => module.name);
  return `${JSON.stringify(configSchema(catalogueOf(sinkModules), names), null, 2)}\n`;
}
