import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real server that tests start, break and mend. All promises resolve when the effect has taken place. */
export interface Service {
  /** Starts it, also after `stop` or `kill`: the port is the same and what it had stored is kept. */
  start(): Promise<void>;
  /** Ends it in its own orderly way. */
  stop(): Promise<void>;
  /** SIGKILL: a crash. */
  kill(): Promise<void>;
  /** Freezes it: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** File that gets stdout and stderr; its end is shown when the process dies early. */
  readonly log: string;
  /** Whether it serves; asked again and again after each start. May throw for "no". */
  readonly isReady: () => Promise<boolean>;
  /** How long a start may take, milliseconds. */
  readonly startTimeout?: number;
}

/** A server as a child process of the test. */
export class NativeProcess implements Service {
  readonly #options: ProcessOptions;
  #child: ChildProcess | undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const { command, args, env, cwd, log, isReady, startTimeout = 60_000 } = this.#options;
    const output = openSync(log, 'a');
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', output, output],
      ...(cwd === undefined ? {} : { cwd }),
    });
    closeSync(output);
    const failed = once(child, 'error').then(([error]) => Promise.reject(error));
    await Promise.race([once(child, 'spawn'), failed]);
    failed.catch(() => {});
    this.#child = child;
    endWithThisProcess(child);
    await waitFor(
      () => {
        if (hasEnded(child)) throw new GaveUp(`${command} ended while it started:\n${lastLines(log)}`);
        return isReady();
      },
      { what: `${command} answers (log: ${log})`, timeout: startTimeout },
    );
  }

  async stop(): Promise<void> {
    await this.resume();
    await this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Resolves when every thread stands still: the kernel tells one, which may have to wait for a processor first. */
  async pause(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || !child.kill('SIGSTOP')) return;
    const { pid } = child;
    await waitFor(() => isStopped(pid), { what: `process ${pid} is stopped`, every: 5 });
  }

  async resume(): Promise<void> {
    this.#child?.kill('SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const patience = setTimeout(() => child.kill('SIGKILL'), 30_000);
    await ended;
    clearTimeout(patience);
  }
}

function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  // After the name in parentheses, which may hold anything.
  const stateOf = (task: string) => /\) (\w)/.exec(readFileSync(`${tasks}/${task}/stat`, 'utf8'))?.[1];
  return readdirSync(tasks).every((task) => stateOf(task) === 'T');
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function endWithThisProcess(child: ChildProcess): void {
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n');
}

/** Ends a `waitFor` at once: the condition can never become true. */
export class GaveUp extends Error {}

/** Waits until the condition holds. Errors of the condition count as "not yet" and are shown when the time is up. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  options: { readonly what: string; readonly timeout?: number; readonly every?: number },
): Promise<void> {
  const { what, timeout = 30_000, every = 50 } = options;
  const deadline = Date.now() + timeout;
  for (;;) {
    let reason: unknown;
    try {
      if (await condition()) return;
    } catch (error) {
      if (error instanceof GaveUp) throw error;
      reason = error;
    }
    if (Date.now() > deadline) throw new Error(`waited ${timeout} ms in vain until ${what}`, { cause: reason });
    await sleep(every);
  }
}

/** The folder, kept between runs, for servers that tests had to download. */
export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kv-event-bridge');
}

/**
 * Makes `folder` exist by running `install` once, whatever number of processes ask for it. `install` must create the
 * folder as its last step by a rename, so that a half installed one is never seen.
 */
export async function installOnce(folder: string, install: () => Promise<void>): Promise<string> {
  await mkdir(dirname(folder), { recursive: true });
  while (!(await exists(folder))) {
    const unlock = await tryLock(`${folder}.lock`);
    if (unlock === null) {
      await sleep(200);
      continue;
    }
    try {
      if (!(await exists(folder))) await install();
    } finally {
      await unlock();
    }
  }
  return folder;
}

/** Takes the lock file, or returns null while a living process holds it. */
async function tryLock(path: string): Promise<(() => Promise<void>) | null> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return () => rm(path, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (await isAbandoned(path)) await rm(path, { force: true });
    return null;
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    const age = Date.now() - (await stat(path)).mtimeMs;
    const holder = Number(readFileSync(path, 'utf8'));
    // Empty for the moment between the creation of the file and the writing of the number.
    if (holder === 0) return age > 10_000;
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
