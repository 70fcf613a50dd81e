import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const program = `
import { Publisher } from 'zeromq';
const [endpoint, every, life] = process.argv.slice(1);
const socket = new Publisher({ linger: 0, ipv6: true });
await socket.bind(endpoint);
process.stdout.write('bound');
for (let seq = 0; ; seq += 1) {
  await socket.send([life, String(seq)]);
  await new Promise((resolve) => setTimeout(resolve, Number(every)));
}
`;

/** A publisher that is a process of its own, so that it can be killed and frozen. It binds and sends `[life, seq]`. */
export class PublisherProcess {
  readonly #endpoint: string;
  readonly #every: number;
  #child: ChildProcess | null = null;
  #lives = 0;

  /** `every`: milliseconds between two messages. */
  constructor(endpoint: string, every: number) {
    this.#endpoint = endpoint;
    this.#every = every;
  }

  /** Resolves when it listens. Each start is another life, counted from 1, which is the topic. */
  async start(): Promise<void> {
    this.#lives += 1;
    const args = ['--input-type=module', '-e', program, this.#endpoint, String(this.#every), String(this.#lives)];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.#child.stdout !== null) await once(this.#child.stdout, 'data');
  }

  /** Freezes it: its connections stay open, nothing answers. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}
