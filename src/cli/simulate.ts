import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { ConfigError, messageOf } from '../core/errors.ts';
import { unwritable } from '../core/unwritable.ts';
import { checkEndpoint } from '../ingress/endpoint.ts';
import { encodings } from '../simulator/event.ts';
import { hashKinds } from '../simulator/history.ts';
import type { RunSummary } from '../simulator/run.ts';
import { runEngine } from '../simulator/run.ts';
import { scenario, scenarioHelp } from '../simulator/scenario.ts';
import type { TruthLine } from '../simulator/truth.ts';
import type { Edge } from './edge.ts';
import { SimulatedCapture } from './simulate-capture.ts';
import type { SimulateFlags, SimulateOptions } from './simulate-options.ts';
import { defaultEndpoint, readSimulateFlags } from './simulate-options.ts';

const scenarioLines = Object.entries(scenarioHelp).map(([name, text]) => `  ${name.padEnd(10)} ${text}`);

const helpText = `
Scenarios (the same --seed gives the same events):
${scenarioLines.join('\n')}

Encodings: array (vLLM up to 0.23), map (vLLM from 0.24), legacy (the first vLLM: short arrays, batches without a
rank), bin (each event wrapped in bytes, batches without a rank).
Hashes: int (vLLM), bytes (vLLM with raw digests), signed (SGLang).

A full queue makes the simulator wait, where an engine would drop. SIGTERM ends it cleanly.

Examples:
  kv-event-bridge simulate --rate 5                  to a bridge on this machine, until stopped
  kv-event-bridge simulate --ranks 2 --count 100     two data-parallel ranks, to ports 5557 and 5558
  kv-event-bridge simulate --bind 'tcp://*:5557' --replay 'tcp://*:5567' --scenario gap --hold 30s
  kv-event-bridge simulate --scenario encodings --count 84 --rate 0 --truth truth.jsonl
  kv-event-bridge simulate --capture hour.kvcap --count 36000   an hour at 10 batches per second, for replay`;

/** `simulate`: one fake engine, or one per data-parallel rank. Wrong flags are a `ConfigError`, exit code 2. */
export function addSimulateCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  program
    .command('simulate')
    .description('Be a fake engine: publish made-up KV-cache events over ZeroMQ and answer replays as vLLM does.')
    .option('--connect <endpoint>', `Dial the bridge there (default: ${defaultEndpoint}). Rank r adds r to the port.`)
    .option('--bind <endpoint>', 'Listen there instead, for bridges that connect.')
    .option('--replay <endpoint>', 'Answer replays there, e.g. tcp://*:5558. Rank r adds r to the port.')
    .option('--replay-without-topic', 'Answer as vLLM before 0.26 did, without a topic frame.')
    .option('--topic <text>', 'The whole topic; may be empty (default: kv@<pod>@<model>).')
    .option('--pod <id>', 'Pod in the topic (default: pod-0).')
    .option('--model <name>', 'Model in the topic (default: Qwen/Qwen3-0.6B).')
    .option('--scenario <name>', 'What happens, see below.', 'mixed')
    .option('--encoding <name>', `How events are written: ${encodings.join(', ')}.`, 'map')
    .option('--hash <kind>', `What block hashes are: ${hashKinds.join(', ')}.`, 'int')
    .option('--rate <number>', 'Batches per second and rank; 0: as fast as they are taken.', '10')
    .option('--count <number>', 'Sequence numbers per rank, skipped ones included; 0: until stopped.', '0')
    .option('--seed <number>', 'Seed of the made-up history; rank r adds r.', '1')
    .option('--ranks <number>', 'Data-parallel ranks, one publisher each, all under the same topic.', '1')
    .option('--first-seq <number>', 'First sequence number; llm-d-inference-sim begins at 1.', '0')
    .option('--hwm <number>', 'Batches queued for a subscriber that does not read.', '100000')
    .option('--settle <duration>', 'Longest wait for a first subscriber before the first batch.', '10s')
    .option('--hold <duration>', 'How long to stay after the last batch, answering replays.', '0')
    .option('--clock-skew <duration>', 'How far the clock of the engine is ahead, e.g. 5s; behind: -5s.', '0')
    .option('--truth <file>', 'Write what was published, one JSON line per batch; - for standard output.')
    .option('--capture <file>', 'Write the frames into a capture; without --connect or --bind there only, at once.')
    .option('--force', 'Replace an existing capture.')
    .addHelpText('after', helpText)
    .action(async (flags: SimulateFlags) => {
      const options = readSimulateFlags(flags);
      for (const { endpoint, bind, replay } of options.engines) {
        checkFlag(bind ? '--bind' : '--connect', endpoint, bind ? 'bind' : 'connect');
        if (replay !== undefined) checkFlag('--replay', replay, 'bind');
      }
      await simulate(options, edge);
      done(0);
    });
}

function checkFlag(flag: string, endpoint: string, mode: 'bind' | 'connect'): void {
  try {
    checkEndpoint(endpoint, mode);
  } catch (error) {
    throw new ConfigError(`${flag}: ${messageOf(error)}`, { cause: error });
  }
}

async function simulate(options: SimulateOptions, edge: Edge): Promise<void> {
  const stop = new AbortController();
  edge.onSignal(() => stop.abort());
  const now = () => Date.now() + options.clockSkew;
  const capture = await SimulatedCapture.begin(options);
  const truth = openTruth(options.truth, edge, () => stop.abort());
  try {
    const runs = options.engines.map(async (engine, rank) => {
      const steps = scenario(options.scenario, { ...options, seed: options.seed + rank });
      const summary = await runEngine(
        { ...options, truth: truth?.write ?? null, engine, rank, steps, now, ...capture?.of(rank) },
        stop.signal,
      );
      edge.stderr.write(summaryLine(summary, rank, engine.topic));
    });
    await allOrAbort(runs, stop);
  } finally {
    truth?.close();
    await capture?.finish(stop.signal.aborted);
  }
}

/** One engine that fails ends the others, and all have ended when this rejects. */
async function allOrAbort(runs: readonly Promise<void>[], stop: AbortController): Promise<void> {
  for (const run of runs) run.catch(() => stop.abort());
  const results = await Promise.allSettled(runs);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

interface TruthOutput {
  write(line: TruthLine): void | Promise<void>;
  close(): void;
}

function openTruth(path: string | null, edge: Edge, readerLeft: () => void): TruthOutput | null {
  if (path === null) return null;
  if (path === '-') {
    const { stdout } = edge;
    stdout.on('error', readerLeft);
    return { write: (line) => writeLine(stdout, line), close: () => {} };
  }
  const file = openTruthFile(path);
  // Synchronously: when the process is killed, the file has all that was sent.
  return { write: (line) => void writeSync(file, `${JSON.stringify(line)}\n`), close: () => closeSync(file) };
}

async function writeLine(stream: NodeJS.WritableStream, line: TruthLine): Promise<void> {
  if (!stream.write(`${JSON.stringify(line)}\n`) && stream.writable)
    await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
}

function openTruthFile(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw unwritable(`--truth ${path}`, error);
  }
}

function summaryLine(summary: RunSummary, rank: number, topic: string): string {
  const { batches, events, skipped, restarts, took, subscribed } = summary;
  const extras = `${skipped > 0 ? `, ${skipped} numbers skipped` : ''}${restarts > 0 ? `, ${restarts} restarts` : ''}`;
  const warning = subscribed ? '' : '; there was no subscriber at the start, so the first batches are lost';
  const seconds = (took / 1_000).toFixed(2);
  return `simulate: rank ${rank}: ${batches} batches, ${events} events${extras} in ${seconds} s on topic ${JSON.stringify(topic)}${warning}\n`;
}
