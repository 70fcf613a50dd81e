#!/usr/bin/env node
import { runProgram } from './cli/program.ts';
import { messageOf } from './core/errors.ts';

/** How long output may still take to be read once a signal asked for the end. */
const flushPatience = 1_000;

/** A reader that has gone is no error; whoever writes is told by the stream itself. Anything else fails the process. */
let outputFailure: string | null = null;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') outputFailure ??= error.message;
});
// Nobody is left to be told.
process.stderr.on('error', () => {});

process.on('uncaughtException', (error) => {
  process.stderr.write(`kv-event-bridge: unexpected error: ${messageOf(error)}\n`);
  process.exit(1);
});

let isStopping = false;

function endAtOnce(signal: string): never {
  const lost = 'what was not written yet is lost, but for what engines send again';
  process.stderr.write(`kv-event-bridge: ended at once by a second signal (${signal}): ${lost}\n`);
  process.exit(1);
}

/** Listening at all takes the signals' default effect away, so it starts with the first handler. */
function onSignal(handler: (signal: string) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) endAtOnce(signal);
      isStopping = true;
      handler(signal);
    });
  }
}

/** Waits until everything is written, and one turn longer: a failed write is told to the listener above only then. */
async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) return resolve();
    stream.write('', () => resolve());
    if (isStopping) setTimeout(resolve, flushPatience);
  });
  await new Promise((resolve) => setImmediate(resolve));
}

const { argv, env, stdout, stderr } = process;
const exitCode = await runProgram({
  ...{ argv: argv.slice(2), env, stdout, stderr, onSignal },
  // Making the stream already takes a terminal or pipe out of the hands of other readers.
  get stdin() {
    return process.stdin;
  },
});
await flushed(stdout);
if (outputFailure !== null) stderr.write(`kv-event-bridge: standard output failed: ${outputFailure}\n`);
await flushed(stderr);
process.exitCode = outputFailure === null ? exitCode : exitCode || 1;
// The command is done: nothing that still lingers (a client's timer, a socket) may keep the process alive.
process.exit();
