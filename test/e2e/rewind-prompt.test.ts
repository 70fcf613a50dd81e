import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasTerminals, Terminal } from '../support/terminal.ts';
import { Program } from './bridge.ts';

const fixture = new URL('../fixtures/reading/', import.meta.url).pathname;
const stream = 'zmq/kv@10.0.0.5@Qwen/Qwen3-0.6B/0';
let dir: string;
let terminal: Terminal | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kv-prompt-'));
  cpSync(fixture, dir, { recursive: true });
});
afterEach(async () => {
  await terminal?.kill();
  terminal = undefined;
  rmSync(dir, { recursive: true, force: true });
});

const args = () => ['--sink', 'file', '--file-dir', dir, '--stream', stream, '--to', '2'];
const checkpoints = () => readFileSync(join(dir, 'checkpoints.json'), 'utf8');
const isRewound = () => checkpoints().includes(`"${stream}":{"epoch":1763800000004,"seq":"1"`);

describe.skipIf(!hasTerminals)("rewind's question (needs script of util-linux)", () => {
  const answers: readonly (readonly [string, string, { code: number; says: string; rewinds: boolean }])[] = [
    ['y', 'y\r', { code: 0, says: 'done', rewinds: true }],
    ['YES', 'YES\r', { code: 0, says: 'done', rewinds: true }],
    ['n', 'n\r', { code: 1, says: 'nothing was changed', rewinds: false }],
    ['nothing', '\r', { code: 1, says: 'nothing was changed', rewinds: false }],
    ['Ctrl-D', '\x04', { code: 1, says: 'nothing was changed', rewinds: false }],
    ['Ctrl-C', '\x03', { code: 130, says: '^C', rewinds: false }],
  ];
  it.each(answers)('answered with %s: acts on it and ends at once', async (_, keys, { code, says, rewinds }) => {
    const before = checkpoints();
    terminal = new Terminal(['rewind', ...args()]);
    await terminal.shows('Rewind? [y/N] ');
    terminal.type(keys);
    expect(await terminal.exited, terminal.screen).toBe(code);
    expect(terminal.screen).toContain(says);
    expect(isRewound()).toBe(rewinds);
    if (!rewinds) expect(checkpoints()).toBe(before);
  });

  it('shows what is there and what will be, before it asks', async () => {
    terminal = new Terminal(['rewind', ...args()]);
    await terminal.shows('Rewind? [y/N] ');
    const shown = terminal.screen.split('\r\n');
    expect(shown[0]).toMatch(/^before {2}\{"epoch":1763800000004,"seq":"5",/);
    expect(shown[1]).toMatch(/^after {3}\{"epoch":1763800000004,"seq":"1",/);
  });
});

it('where nobody can be asked it wants --yes, and changes nothing', async () => {
  const before = checkpoints();
  const program = new Program('rewind', { args: args() });
  expect(await program.exited).toBe(2);
  expect(program.stderr).toContain('--yes');
  expect(checkpoints()).toBe(before);
});
