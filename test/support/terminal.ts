import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { waitFor } from './services/service.ts';

const main = new URL('../../dist/main.js', import.meta.url).pathname;
const { PATH = '' } = process.env;

/** Whether util-linux's `script` is here, which gives a program a terminal of its own. */
export const hasTerminals = String(spawnSync('script', ['--version']).stdout ?? '').includes('util-linux');

/** The built program on a pseudo-terminal: what a person sees and types. */
export class Terminal {
  /** Everything on the screen, with the terminal's line ends. */
  screen = '';
  /** Resolves with its exit code; 128 and the signal's number where a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const command = [process.execPath, main, ...args].map(quoted).join(' ');
    // The shell stays: it turns the end by a signal into a number. Ctrl-C reaches it as well.
    const script = ['--quiet', '--return', '--command', `trap : INT; ${command}; exit $?`, '/dev/null'];
    this.#child = spawn('script', script, { env: { PATH, SHELL: '/bin/sh', TERM: 'xterm', ...env } });
    this.#child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.screen += text;
    });
    this.exited = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  shows(text: string): Promise<void> {
    return waitFor(() => this.screen.includes(text), { what: `the terminal shows ${text}: ${this.screen}` });
  }

  /** `\x03` is Ctrl-C, `\x04` at the beginning of a line Ctrl-D. */
  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
