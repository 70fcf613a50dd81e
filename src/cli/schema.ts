import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { catalogueOf } from '../config/catalogue.ts';
import { configSchema } from '../config/json-schema.ts';
import { sinkModules } from '../sinks/registry.ts';
import type { Edge } from './edge.ts';

const recordSchema = new URL('../../schemas/record.schema.json', import.meta.url);

/** `schema`: the JSON Schema of the records, or of the configuration file. */
export function addSchemaCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  program
    .command('schema')
    .description('Print the JSON Schema (draft 2020-12) of the records.')
    .option('--config', 'Print that of the configuration file instead.')
    .action(async (options: { readonly config?: true }) => {
      edge.stdout.write(options.config ? configSchemaText() : await readFile(recordSchema, 'utf8'));
      done(0);
    });
}

function configSchemaText(): string {
  const names = sinkModules.map((module) => module.name);
  return `${JSON.stringify(configSchema(catalogueOf(sinkModules), names), null, 2)}\n`;
}
