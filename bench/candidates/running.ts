import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Part } from '../load/process.ts';
import type { Job } from '../programs/job.ts';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How long a program may take to start, or to stop, milliseconds. */
const patience = 60_000;

/** A candidate's process. */
export class Running {
  readonly #child: ChildProcess;
  readonly name: string;
  /** The end of what it wrote to stderr: the reason, where it fails. */
  #complaints = '';

  constructor({ command, args, env = {} }: Command, { address }: Job) {
    this.name = command;
    // Only a path: variables of whoever runs the bench must not configure what is measured.
    const { PATH = '' } = process.env;
    const stdout = address.sink === 'stdout' ? address.fd : 'ignore';
    this.#child = spawn(command, args, { env: { PATH, ...env }, stdio: ['pipe', stdout, 'pipe'] });
    this.#child.on('error', (error) => {
      this.#complaints += error.message;
    });
    const kill = () => this.#child.kill('SIGKILL');
    process.once('exit', kill);
    this.#child.once('exit', () => process.off('exit', kill));
    this.#child.stdin?.on('error', () => {});
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = `${this.#complaints}${text}`.slice(-4_000);
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined || this.hasEnded) throw this.#failure('ended');
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get complaints(): string {
    return this.#complaints;
  }

  /** Asks again and again until the answer is yes. */
  async until(isReady: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + patience;
    while (!(await isReady().catch(() => false))) {
      if (this.hasEnded || this.#child.pid === undefined) throw this.#failure('ended while it started');
      if (Date.now() > deadline) throw this.#failure('did not start');
      await sleep(20);
    }
  }

  /** For programs that begin at a line on stdin. */
  go(part: Part): void {
    this.#child.stdin?.write(`${JSON.stringify(part)}\n`);
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const last = setTimeout(() => this.#child.kill('SIGKILL'), patience);
    await ended;
    clearTimeout(last);
  }

  #failure(what: string): Error {
    return new Error(`${this.name} ${what}:\n${this.#complaints}`);
  }
}

/** Whether somebody listens there. */
export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}
