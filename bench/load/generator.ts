import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Load, Part } from './process.ts';

/** The load generator, seen from the bench. */
export class Generator {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when every stream is connected and subscribed to. */
  static async open(load: Load): Promise<Generator> {
    const child = fork(new URL('./process.js', import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const generator = new Generator(child);
    child.send(load);
    await generator.#said('ready');
    return generator;
  }

  /** Begins to send; resolves when everything has been handed to the sockets. */
  go(part: Part): Promise<void> {
    const sent = this.#said('sent');
    this.#child.send(part);
    return sent;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || !this.#child.connected) return;
    const ended = once(this.#child, 'exit');
    this.#child.send('end');
    await ended;
  }

  #said(word: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.once('message', (message) => message === word && resolve());
      this.#child.once('exit', () => reject(new Error(`the load generator ended before it was ${word}`)));
    });
  }
}
