import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Layers, Loaded } from '../../src/config/load.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/core/errors.ts';
import { fakes } from './fakes.ts';

const folder = mkdtempSync(join(tmpdir(), 'bridge-config-'));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file into a folder of its own and gives its path. Everything is removed after the tests of the importing file. */
export function tempFile(name: string, content: string | Buffer): string {
  files += 1;
  const path = join(folder, String(files), name);
  mkdirSync(join(folder, String(files)));
  writeFileSync(path, content);
  return path;
}

export function load(layers: Partial<Layers>): Promise<Loaded> {
  return loadConfig(fakes, { env: {}, flags: {}, ...layers });
}

export function loadYaml(yaml: string, layers: Partial<Layers> = {}): Promise<Loaded> {
  return load({ ...layers, file: tempFile('bridge.yaml', yaml) });
}

/** The lines of the one ConfigError that loading must throw, without its headline. */
export async function problemsOf(loading: Promise<Loaded>): Promise<readonly string[]> {
  const error = await loading.then(
    () => new Error('the configuration was accepted'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigError)) throw error;
  const [headline = '', ...lines] = error.message.split('\n');
  if (!/^the configuration has (a problem|\d+ problems):$/.test(headline)) throw new Error(`odd headline: ${headline}`);
  return lines.map((line) => line.slice(2));
}
