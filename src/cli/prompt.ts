import { openSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { ReadStream } from 'node:tty';
import { ConfigError } from '../core/errors.ts';

/**
 * Asks the person at the terminal, wherever standard input comes from; null where the answer is the end (Ctrl-D).
 * `without` says what to do where there is no terminal.
 */
export async function askAtTerminal(
  question: string,
  output: NodeJS.WritableStream,
  without: string,
): Promise<string | null> {
  const input = openTerminal(without);
  // The terminal itself lets people edit their line, shows it, and turns Ctrl-C into the signal.
  const prompt = createInterface({ input, output, terminal: false });
  try {
    const end = new Promise<null>((resolve) => prompt.once('close', () => resolve(null)));
    return await Promise.race([prompt.question(question), end]);
  } finally {
    prompt.close();
    input.destroy();
  }
}

/** Not a stream of the file system: such a one reads in a thread that nothing can end, and the process would wait for it. */
function openTerminal(without: string): ReadStream {
  try {
    return new ReadStream(openSync('/dev/tty', 'r'));
  } catch {
    throw new ConfigError(without);
  }
}
