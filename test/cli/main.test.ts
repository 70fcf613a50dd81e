import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const main = join(import.meta.dirname, '../../dist/main.js');
const quiet = { HTTP_PORT: 'off', ZMQ_PORT: '0' };

/** Node options that run code before the program. */
function preload(code: string): string {
  return `--import data:text/javascript,${encodeURIComponent(code)}`;
}

class Child {
  readonly process: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stderr = '';

  constructor(argv: readonly string[], env: Record<string, string> = {}, stdio: SpawnOptions['stdio'] = 'pipe') {
    const { PATH = '' } = process.env;
    this.process = spawn(process.execPath, [main, ...argv], { env: { PATH, ...env }, stdio });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = once(this.process, 'close').then(([code, signal]) => ({ code, signal }));
  }

  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stderr)) {
      if (this.process.exitCode !== null || this.process.stderr === null)
        throw new Error(`ended before: ${this.stderr}`);
      await Promise.race([once(this.process.stderr, 'data'), this.ended]);
    }
  }
}

describe('the process', () => {
  it('ends with the exit code of its command', async () => {
    expect((await new Child(['--version']).ended).code).toBe(0);
    const wrong = new Child(['check-config', '--sinks', 'elephant']);
    expect((await wrong.ended).code).toBe(2);
    expect(wrong.stderr).toMatch(
      /^kv-event-bridge: the configuration has a problem:\n {2}sinks: "elephant" is no sink/,
    );
  });

  it('writes all of a long output to a pipe before it ends', async () => {
    const child = new Child(['schema', '--config']);
    let text = '';
    child.process.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    expect((await child.ended).code).toBe(0);
    expect(() => JSON.parse(text)).not.toThrow();
  });

  it('takes a reader that goes away for no error', async () => {
    const child = new Child(['schema', '--config']);
    child.process.stdout?.destroy();
    expect((await child.ended).code).toBe(0);
    expect(child.stderr).toBe('');
  });

  it('fails when its output cannot be written', async () => {
    const child = new Child(['check-config'], {}, ['ignore', openSync('/dev/full', 'w'), 'pipe']);
    expect((await child.ended).code).toBe(1);
    expect(child.stderr).toMatch(/standard output failed: .*ENOSPC/);
  });

  it('survives the loss of standard error', async () => {
    const child = new Child(['check-config', '--sinks', 'elephant']);
    child.process.stderr?.destroy();
    expect((await child.ended).code).toBe(2);
  });

  it('says an unexpected error in one line and fails', async () => {
    const thrower = preload(
      'setInterval(() => { if (process.listenerCount("uncaughtException") > 0) throw new Error("boom") }, 20)',
    );
    const child = new Child(['run'], { ...quiet, NODE_OPTIONS: thrower });
    expect((await child.ended).code).toBe(1);
    expect(child.stderr).toMatch(/^kv-event-bridge: unexpected error: boom$/m);
    expect(child.stderr).not.toMatch(/^ +at /m);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops cleanly at a first %s', async (signal) => {
    const child = new Child(['run'], quiet);
    await child.says(/"running"/);
    child.process.kill(signal);
    expect(await child.ended).toEqual({ code: 0, signal: null });
  });

  it('does not wait for a reader that never reads once it was told to stop', async () => {
    const filler = preload('process.stdout.write("x".repeat(1e6))');
    const child = new Child(['run'], { ...quiet, NODE_OPTIONS: filler });
    await child.says(/"running"/);
    child.process.kill('SIGTERM');
    const [code] = (await once(child.process, 'exit')) as [number | null];
    child.process.stdout?.destroy();
    expect(code).toBe(0);
  });

  it('ends at once with exit code 1 at a second signal', async () => {
    const child = new Child([], quiet);
    await child.says(/"running"/);
    // Both are waiting when the process goes on: the second arrives before the first stop can be over.
    for (const signal of ['SIGSTOP', 'SIGTERM', 'SIGINT', 'SIGCONT'] as const) child.process.kill(signal);
    expect(await child.ended).toEqual({ code: 1, signal: null });
    expect(child.stderr).toMatch(/ended at once by a second signal .*is lost/);
  });
});
