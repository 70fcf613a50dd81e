import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fact } from '../../src/core/observer.ts';
import type { SettingsValue } from '../../src/core/settings.ts';
import type { Sink } from '../../src/core/sink.ts';
import { fileSink } from '../../src/sinks/file.ts';
import type { OpenHarness } from '../contract/harness.ts';
import { defaultsOf } from '../support/defaults.ts';

export type FileConfig = SettingsValue<typeof fileSink.settings>;

export interface Opened {
  readonly sink: Sink;
  readonly notes: Extract<Fact, { fact: 'sink-note' }>[];
}

/** A file sink with everything at its default except what is given. */
export async function makeFileSink(config: Partial<FileConfig> & { readonly dir: string }): Promise<Opened> {
  const notes: Opened['notes'] = [];
  const sink = await fileSink.create(
    { ...defaultsOf(fileSink.settings), ...config },
    {
      bridge: 'test',
      stdout: process.stdout,
      observe: (fact) => {
        if (fact.fact === 'sink-note') notes.push(fact);
      },
    },
  );
  return { sink, notes };
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'kv-file-'));
}

export async function segmentNames(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.startsWith('records-')).sort();
}

/** All lines of all segments in order; fails where one does not end with a newline. */
export async function linesIn(dir: string): Promise<string[]> {
  const texts = await Promise.all((await segmentNames(dir)).map((name) => readFile(join(dir, name), 'utf8')));
  return texts.flatMap((text) => {
    const lines = text.split('\n');
    if (lines.pop() !== '') throw new Error('a segment ends within a line');
    return lines;
  });
}

/** The outage: the folder is moved away and a plain file stands in its place. */
export function openFileHarness(config: Partial<FileConfig>): OpenHarness {
  return async () => {
    const root = await temporaryFolder();
    const dir = join(root, 'data');
    return {
      make: async () => (await makeFileSink({ ...config, dir })).sink,
      readBack: () => linesIn(dir).catch((error) => (error.code === 'ENOENT' ? [] : Promise.reject(error))),
      breakDestination: async () => {
        await rename(dir, `${dir}.away`).catch(() => {});
        await writeFile(dir, '');
      },
      healDestination: async () => {
        await rm(dir);
        await rename(`${dir}.away`, dir).catch(() => {});
      },
      dispose: () => rm(root, { recursive: true }),
    };
  };
}
