import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { waitFor } from '../support/services/service.ts';

const main = new URL('../../dist/main.js', import.meta.url).pathname;

/** Variables of the test's own surroundings must not configure the bridge. */
const { PATH = '' } = process.env;

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The built program as a child process. */
export class Program {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(command: string, { args = [], env = {} }: ChildOptions = {}) {
    this.child = spawn(process.execPath, [main, command, ...args], { env: { PATH, ...env } });
    this.child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    this.exited = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** The log's lines as objects. */
  get log(): Record<string, unknown>[] {
    // The last one may not be whole yet.
    const lines = this.stderr.split('\n').slice(0, -1);
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Resolves with its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }

  /** Resident memory now, bytes. */
  memory(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  }
}

/** A running bridge. */
export class Bridge extends Program {
  static async start(env: Readonly<Record<string, string>>, args: readonly string[] = []): Promise<Bridge> {
    const bridge = new Bridge('run', { args, env: { HTTP_PORT: '0', HTTP_HOST: '127.0.0.1', ...env } });
    await waitFor(() => bridge.http !== undefined || bridge.child.exitCode !== null, { what: 'the bridge runs' });
    if (bridge.http === undefined) throw new Error(`the bridge did not start:\n${bridge.stderr}`);
    return bridge;
  }

  /** Base URL of its HTTP server; undefined until it runs. */
  get http(): string | undefined {
    const started = this.log.find(({ http }) => typeof http === 'string');
    return started?.['http'] as string | undefined;
  }

  async get(path: string): Promise<{ status: number; body: string }> {
    const response = await fetch(`${this.http}${path}`);
    return { status: response.status, body: await response.text() };
  }

  async isReady(): Promise<boolean> {
    return (await this.get('/readyz')).status === 200;
  }

  async ready(): Promise<void> {
    await waitFor(() => this.isReady(), { what: 'the bridge is ready', timeout: 30_000 });
  }

  /** Sum of a metric over all label sets that contain `labels`, e.g. `sink="redis"`. */
  async metric(name: string, labels = ''): Promise<number> {
    const { body } = await this.get('/metrics');
    const lines = body.split('\n').filter((line) => line.startsWith(name) && line.includes(labels));
    const values = lines.filter((line) => [' ', '{'].includes(line.charAt(name.length)));
    return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}
