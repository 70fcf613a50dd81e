import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runInMemory } from './memory-edge.ts';

const root = new URL('../../', import.meta.url).pathname;
const path = join(root, 'docs/reading.md');
const page = readFileSync(path, 'utf8');
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

interface Example {
  readonly command: string;
  readonly output: string;
}

const examples: readonly Example[] = [...page.matchAll(/^```console\n\$ kv-event-bridge (.*)\n((?:.*\n)*?)```$/gm)].map(
  ([, command = '', output = '']) => ({ command, output }),
);

/** What the command prints in a folder of its own; ages differ from day to day. */
async function outputOf(command: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'kv-reading-'));
  folders.push(folder);
  const data = join(folder, 'data');
  cpSync(join(root, 'test/fixtures/reading'), data, { recursive: true });
  const argv = command.split(' ').map((word) => (word === './data' ? data : word));
  // Tables are the same on a terminal and in a pipe; the page shows short lines first, then JSON.
  const isTerminal = command.startsWith('tail') && !command.includes('StreamGap');
  const { exitCode, stdout, stderr } = await runInMemory(argv, { FILE_DIR: data, NO_COLOR: '1' }, { isTerminal });
  expect(exitCode, stderr).toBe(0);
  return stdout.replaceAll(data, './data');
}

const withoutAges = (text: string) => text.replaceAll(/\d+ days/g, 'N days');

describe('docs/reading.md', () => {
  it('has an example of each command', () => {
    const commands = new Set(examples.map(({ command }) => command.split(' ')[0]));
    expect([...commands]).toEqual(['tail', 'stats', 'inspect', 'rewind']);
  });

  it.each(examples)('shows what is printed by $command', async ({ command, output }) => {
    const printed = await outputOf(command);
    if (process.env['UPDATE_DOCS'] === '1') {
      const text = readFileSync(path, 'utf8');
      writeFileSync(
        path,
        text.replace(`${command}\n${output}\`\`\``, () => `${command}\n${printed}\`\`\``),
      );
    } else expect(withoutAges(output)).toBe(withoutAges(printed));
  });

  it('names only options that the commands have', async () => {
    const named = [...page.matchAll(/kv-event-bridge (tail|stats|inspect|rewind)([^`\n|#]*)/g)];
    const wrong: string[] = [];
    for (const [, command = '', rest = ''] of named) {
      const { stdout: help } = await runInMemory([command, '--help']);
      wrong.push(
        ...(rest.match(/--[a-z-]+/g) ?? []).filter((flag) => !help.includes(`${flag} `)).map((f) => `${command} ${f}`),
      );
    }
    expect(named.length).toBeGreaterThan(6);
    expect(wrong).toEqual([]);
  });
});
