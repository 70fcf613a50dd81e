import type { Command } from 'commander';
import { createCapture } from '../capture/file.ts';
import type { CapturedSource } from '../capture/meta.ts';
import { CaptureWriter } from '../capture/writer.ts';
import type { Config, SourceConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { speaksZmtp } from '../config/transport.ts';
import type { Observe } from '../core/observer.ts';
import type { Source } from '../core/source.ts';
import { sinkModules } from '../sinks/registry.ts';
import { socketsOf } from '../turn-parts.ts';
import { counted, countOf, sized } from './amount.ts';
import type { CaptureEnds, CaptureFlags } from './capture/options.ts';
import { readEnds, withSources } from './capture/options.ts';
import { publishersJson, publishersText } from './capture/report.ts';
import type { CaptureResult } from './capture/session.ts';
import { CaptureSession } from './capture/session.ts';
import type { Edge } from './edge.ts';
import { addSettingFlags, layersOf } from './settings-flags.ts';
import type { StatusLine } from './status-line.ts';
import { statusLineOn } from './status-line.ts';
import { packageVersion } from './version.ts';

const helpText = `
ENDPOINT is where an engine publishes (tcp://host:port, host:port or host), or a port to listen at for engines that dial
in (tcp://*:5557, or any address with --bind). Without any: the configured sources, by default port 5557.

The file holds what engines sent, byte for byte, and so the token ids of prompts: only its owner may read it, and an
existing one is kept unless --force is given. Ctrl-C ends a capture. One that was killed, or whose disk was full, can be
read up to its last whole frame. What is in it: stats FILE. To send it again: replay FILE. The format: docs/capture.md.

Engines that dial in have one bridge to dial: capture at that port instead of the bridge, not beside it.

Examples:
  kv-event-bridge capture engine-7.kvcap tcp://engine-7:5557 --duration 5m
  kv-event-bridge capture fleet.kvcap --bind 'tcp://*:5557' --max-bytes 1GiB --json`;

/** `capture`: raw frames into a file. */
export function addCaptureCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  const command = program
    .command('capture')
    .description('Write the raw frames of engines, with arrival times, into a file that replay sends again.')
    .argument('<file>', 'The file to make, e.g. engine.kvcap.')
    .argument('[endpoint...]', 'Where engines publish, in place of the configured sources.')
    .option('--bind <endpoint>', 'Listen there; several times for several.', collected, [])
    .option('--duration <duration>', 'End after this time.')
    .option('--count <number>', 'End after so many frames.')
    .option('--max-bytes <bytes>', 'End before the file is larger.')
    .option('--force', 'Replace an existing file.')
    .option('--json', 'Print one JSON document at the end.')
    .addHelpText('after', helpText);
  addSettingFlags(command, sinkModules).action(async (file: string, endpoints: readonly string[]) => {
    const flags: CaptureFlags = command.opts();
    const ends = readEnds(flags);
    const layers = withSources(layersOf(command, sinkModules, edge), endpoints, flags.bind);
    const { config } = await loadConfig(sinkModules, layers);
    await new Capture(file, { flags, ends, config, edge }).run();
    done(0);
  });
}

interface CaptureTask {
  readonly flags: CaptureFlags;
  readonly ends: CaptureEnds;
  readonly config: Config;
  readonly edge: Edge;
}

class Capture {
  readonly #file: string;
  readonly #task: CaptureTask;
  readonly #began = Date.now();
  #session: CaptureSession | null = null;
  #line: StatusLine | null = null;
  #noted = '';

  constructor(file: string, task: CaptureTask) {
    this.#file = file;
    this.#task = task;
  }

  async run(): Promise<void> {
    const { edge, ends, config } = this.#task;
    const stop = new AbortController();
    edge.onSignal(() => stop.abort());
    const sources = await this.#open(socketsOf(config.sources, this.#tell));
    const writer = await this.#begin(sources);
    const session = new CaptureSession(sources, writer);
    this.#session = session;
    this.#line = statusLineOn(edge.stderr, () => this.#progress());
    stop.signal.addEventListener('abort', () => session.end('stopped'), { once: true });
    if (stop.signal.aborted) session.end('stopped');
    const timer = ends.duration === null ? undefined : setTimeout(() => session.end('duration'), ends.duration);
    try {
      this.#report(await session.run());
    } finally {
      clearTimeout(timer);
      this.#line.stop();
    }
  }

  async #open(sources: readonly Source[]): Promise<readonly Source[]> {
    try {
      for (const source of sources) await source.open();
      return sources;
    } catch (error) {
      await Promise.all(sources.map((source) => source.close()));
      throw error;
    }
  }

  /** The file is made last: no wrong endpoint leaves one behind. */
  async #begin(sources: readonly Source[]): Promise<CaptureWriter> {
    const { ends, config, flags } = this.#task;
    const limits = { frames: ends.frames ?? Number.POSITIVE_INFINITY, bytes: ends.bytes ?? Number.POSITIVE_INFINITY };
    const meta = { program: packageVersion(), createdAt: this.#began, sources: config.sources.map(capturedSource) };
    try {
      const file = await createCapture(this.#file, flags.force === true);
      return await CaptureWriter.begin(this.#file, file, meta, limits);
    } catch (error) {
      await Promise.all(sources.map((source) => source.close()));
      throw error;
    }
  }

  readonly #tell: Observe = (fact) => {
    if (fact.fact === 'source-open')
      this.#note(`${fact.mode === 'bind' ? 'listening at' : 'connecting to'} ${fact.endpoint}`);
    if (fact.fact === 'source-peers') this.#note(`${fact.endpoint}: publishers connected: ${fact.peers}`);
    if (fact.fact === 'source-trouble') this.#note(`${fact.endpoint}: ${fact.message}`);
  };

  /** The same thing once in a row. */
  #note(message: string): void {
    if (message === this.#noted) return;
    this.#noted = message;
    const text = `capture: ${message}`;
    if (this.#line === null) this.#task.edge.stderr.write(`${text}\n`);
    else this.#line.note(text);
  }

  #progress(): string {
    const { frames = 0, fileBytes = 0, tally } = this.#session ?? {};
    const { ends } = this.#task;
    const of = (limit: string | null) => (limit === null ? '' : ` of ${limit}`);
    const seconds = Math.round((Date.now() - this.#began) / 1_000);
    const parts = [
      `${counted(frames)}${of(ends.frames === null ? null : counted(ends.frames))} frames`,
      `${sized(fileBytes)}${of(ends.bytes === null ? null : sized(ends.bytes))}`,
      countOf(tally?.size ?? 0, 'publisher'),
      `${seconds}${of(ends.duration === null ? null : String(Math.round(ends.duration / 1_000)))} s`,
    ];
    return `capturing: ${parts.join(', ')} (Ctrl-C ends it)`;
  }

  #report(result: CaptureResult): void {
    const { edge, flags } = this.#task;
    const { frames, bytes, fileBytes, firstAt, lastAt, reason } = result;
    const publishers = this.#session?.tally.publishers ?? [];
    this.#line?.stop();
    if (flags.json === true) {
      const times = { first_at: seconds(firstAt), last_at: seconds(lastAt) };
      const said = { file: this.#file, ended: reason, frames, bytes, file_bytes: fileBytes, ...times };
      edge.stdout.write(`${JSON.stringify({ ...said, publishers: publishersJson(publishers) })}\n`);
      return;
    }
    const how = `${countOf(frames, 'frame')} of ${countOf(publishers.length, 'publisher')}, ${sized(fileBytes)}`;
    edge.stdout.write(`${this.#file}: ${how} (${reason})\n${publishersText(publishers)}`);
    if (frames === 0) edge.stderr.write('capture: no frames came; kv-event-bridge doctor finds out why\n');
  }
}

function capturedSource(source: SourceConfig): CapturedSource {
  const { name, mode, endpoint, dataParallelSize, sequenceScope, identity, maxFrameBytes } = source;
  const transport = speaksZmtp(source) ? 'zmtp' : 'libzmq';
  return { name, mode, endpoint, transport, dataParallelSize, sequenceScope, identity, maxFrameBytes };
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}

function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
