import { Readable, Writable } from 'node:stream';
import type { Edge } from '../../src/cli/edge.ts';
import { runProgram } from '../../src/cli/program.ts';

class Memory extends Writable {
  text = '';

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface MemoryOptions {
  /** What stands on standard input. */
  readonly stdin?: string | Buffer;
  /** Whether standard output says that it is a terminal. */
  readonly isTerminal?: boolean;
}

/** Runs the program as main.ts does, with an environment of its own and streams in memory. */
export async function runInMemory(
  argv: readonly string[],
  env: Edge['env'] = {},
  { stdin = '', isTerminal = false }: MemoryOptions = {},
): Promise<Outcome> {
  const stdout = Object.assign(new Memory(), { isTTY: isTerminal });
  const stderr = new Memory();
  const exitCode = await runProgram({
    argv,
    env,
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout,
    stderr,
    onSignal: () => {},
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
