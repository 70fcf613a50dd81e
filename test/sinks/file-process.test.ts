import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compileSources } from '../support/compiled.ts';
import { waitUntil } from '../support/wait.ts';
import { linesIn, makeFileSink, segmentNames } from './file-harness.ts';

const script = join(import.meta.dirname, 'children/file.mjs');
const isRoot = process.getuid?.() === 0;
let compiled: string;
let root: string;
let dir: string;

beforeAll(async () => {
  compiled = await compileSources(['src/sinks/file.ts']);
});
afterAll(() => rm(compiled, { recursive: true }));
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kv-file-'));
  dir = join(root, 'data');
});
afterEach(() => rm(root, { recursive: true, force: true }));

interface Run {
  readonly from?: number | 'held';
  readonly writes?: number;
  readonly size?: number;
  readonly lines?: number;
  readonly config?: object;
}

interface Ending {
  readonly next: number;
  readonly errors: readonly { name: string; kind: string; code: string; written: number; message: string }[];
}

function argumentsOf({ from = 0, writes = 1e9, size = 200, lines = 1, config = {} }: Run): string[] {
  return [script, compiled, dir, ...[from, writes, size, lines].map(String), JSON.stringify(config)];
}

/** Runs the child to its end, behind `limits` in a shell. */
async function run(options: Run, limits = ':', uid?: number): Promise<Ending> {
  const command = `${limits}; exec "$0" "$@"`;
  const child = spawn('bash', ['-c', command, process.execPath, ...argumentsOf(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(uid !== undefined && { uid }),
  });
  const lines = (await text(child.stdout)).trim().split('\n');
  return JSON.parse(lines.at(-1) ?? '') as Ending;
}

/** The numbers in the folder; fails for any line that is not whole. */
async function numbers(): Promise<number[]> {
  return (await linesIn(dir)).map((line) => (JSON.parse(line) as { n: number }).n);
}

const upTo = (end: number) => Array.from({ length: end }, (_, n) => n);

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'close');
  child.kill('SIGKILL');
  await gone;
}

describe('file sink: kill -9', () => {
  it.each([
    ['never', 60_000, 1],
    ['interval', 2_000, 7],
    ['always', 200, 3],
  ] as const)('has every record once and in order, whatever it hits (fsync: %s)', async (fsync, size, lines) => {
    const config = { fsync, fsyncInterval: 20, segmentBytes: 1_000_000 };
    let confirmed = 0;
    for (let round = 0; round < 8; round += 1) {
      const child = spawn(process.execPath, argumentsOf({ from: 'held', size, lines, config }), {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += chunk;
      });
      // At least so many new ones, so that an idle round cannot pass; the kill hits whatever is then going on.
      await waitUntil(() => expect(output.split('\n').length).toBeGreaterThan(10 + 7 * round));
      await kill(child);
      confirmed = Number(output.split('\n').at(-2));
      // Half a line, as a kill in the middle of a write leaves it.
      await appendFile(join(dir, (await segmentNames(dir)).at(-1) ?? ''), '{"n":1,"pa');
    }
    const ending = await run({ from: 'held', writes: 5, size, lines, config });
    expect(ending.errors).toEqual([]);
    expect(ending.next).toBeGreaterThanOrEqual(confirmed + 5);
    expect(await numbers()).toEqual(upTo(ending.next * lines));
  });

  it('answers the fingerprints of all but what the last moment brought', async () => {
    const config = { fsync: 'never', fsyncInterval: 10 };
    const child = spawn(process.execPath, argumentsOf({ config }), { stdio: ['ignore', 'pipe', 'inherit'] });
    await waitUntil(async () =>
      expect(JSON.parse(await readFile(join(dir, 'checkpoints.json'), 'utf8')).bytes).toBeGreaterThan(0),
    );
    await kill(child);
    await rm(join(dir, '.lock'));
    const { sink } = await makeFileSink({ dir });
    const held = [...((await sink.connect()) ?? [])].map(([, checkpoint]) => checkpoint);
    await sink.close();
    expect(held).toHaveLength(2);
    for (const { position, ts, hash } of held) {
      expect(ts).toBe(Number(position.seq) / 10);
      expect([null, Number(position.seq)]).toContain(hash);
    }
  });

  it('keeps a second process out while the first one lives', async () => {
    const child = spawn(process.execPath, argumentsOf({}), { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const second = await run({ writes: 2 });
    await kill(child);
    expect(second.errors).toMatchObject([{ kind: 'destination', code: 'LOCKED' }]);
    expect(second.errors[0]?.message).toContain(`process ${child.pid}`);
    expect((await run({ from: 0, writes: 2, config: { dir: `${dir}2` } })).errors).toEqual([]);
  });
});

describe('file sink: a disk that takes no more', () => {
  it('cuts a partly written batch back at a size limit and says so, twice', async () => {
    // 64 blocks of 1024 bytes.
    const ending = await run({ writes: 1_000, size: 5_000 }, 'ulimit -f 64');
    expect(ending.errors).toMatchObject(
      Array(2).fill({ name: 'SinkError', kind: 'destination', code: 'EFBIG', written: 0 }),
    );
    expect(await numbers()).toEqual(upTo(ending.next));
    const rest = await run({ from: ending.next, writes: 100 });
    expect(rest.errors).toEqual([]);
    expect(await numbers()).toEqual(upTo(rest.next));
  });

  it('is down while a disk is full, leaves no torn line there, and goes on when there is space', async (context) => {
    const volume = await mountTmpfs('256k').catch(() => context.skip('mounting a small disk needs root'));
    dir = join(volume, 'data');
    try {
      await writeFile(join(volume, 'ballast'), Buffer.alloc(100_000));
      const ending = await run({ writes: 1_000, size: 5_000 });
      expect(ending.errors).toMatchObject(Array(2).fill({ kind: 'destination', code: 'ENOSPC', written: 0 }));
      expect(ending.errors[0]?.message).toMatch(/free some space/);
      expect(await numbers()).toEqual(upTo(ending.next));
      await rm(join(volume, 'ballast'));
      const rest = await run({ from: ending.next, writes: 4, size: 5_000 });
      expect(rest.errors).toEqual([]);
      expect(await numbers()).toEqual(upTo(rest.next));
    } finally {
      execFileSync('umount', [volume]);
    }
  });

  it('says so on a volume mounted read-only', async (context) => {
    const volume = await mountTmpfs('64k').catch(() => context.skip('mounting a disk needs root'));
    dir = join(volume, 'data');
    try {
      execFileSync('mount', ['-o', 'remount,ro', volume]);
      for (const place of [volume, dir, join(dir, 'deeper')]) {
        dir = place;
        expect((await run({ writes: 2 })).errors).toMatchObject([{ kind: 'destination', code: 'EROFS' }]);
      }
    } finally {
      execFileSync('umount', [volume]);
    }
  });

  it('says so where it has no right to write', async () => {
    await mkdir(dir, { mode: 0o555 });
    await chmod(root, 0o755);
    const nobody = isRoot ? 65_534 : undefined;
    const { errors } = await run({ writes: 2 }, ':', nobody);
    expect(errors).toMatchObject([{ kind: 'destination', code: 'EACCES' }]);
    expect(errors[0]?.message).toMatch(/right to write/);
  });

  it('refuses a path that is a file', async () => {
    await writeFile(dir, 'mine');
    expect((await run({ writes: 2 })).errors).toMatchObject([{ kind: 'destination', code: 'EEXIST' }]);
    expect(await readFile(dir, 'utf8')).toBe('mine');
  });
});

async function mountTmpfs(size: string): Promise<string> {
  const volume = join(root, 'volume');
  await mkdir(volume);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', volume], { stdio: 'ignore' });
  return volume;
}
