import type { Command } from 'commander';
import type { CaptureReader } from '../capture/reader.ts';
import { cutText, damaged } from '../capture/reader.ts';
import type { Survey } from '../capture/survey.ts';
import { surveyCapture, withTopics } from '../capture/survey.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { sinkModules } from '../sinks/registry.ts';
import { counted } from './amount.ts';
import { publishersJson, publishersText } from './capture/report.ts';
import type { Edge } from './edge.ts';
import { Output } from './output.ts';
import { progressOn } from './progress.ts';
import type { ReplayJob, ReplayOutcome } from './replay/job.ts';
import type { ReplayFlags, ReplayTarget } from './replay/options.ts';
import { readSpeed, readTarget } from './replay/options.ts';
import { sourceConfigOf } from './replay/sources.ts';
import { replayToEndpoint } from './replay/to-endpoint.ts';
import { replayToSinks } from './replay/to-sinks.ts';
import { addSettingFlags, layersOf } from './settings-flags.ts';
import { isTerminal } from './style.ts';

/** Never that of the bridge that is configured: two of one name fence each other. */
const defaultName = 'replay';

const helpText = `
--to is one of
  stdout, file, redis, kafka   through the sequence check and the transcoder into this sink, found by the usual settings;
                               several separated by commas
  tcp://host:5557              out of ZeroMQ sockets to a bridge that engines dial in to; tcp://*:5557, or any address with
                               --bind, listens for bridges that connect

Into sinks: the bridge's name is "${defaultName}" unless --name is given, whatever BRIDGE_NAME says, so that no running
bridge is fenced. Records have the capture's times, and so the same ids each time a new name writes them.
Out of sockets: each publisher of the capture has a socket of its own. With --replay they answer replays, too.

Exit codes: 0 all of it was replayed, 1 not all, 2 wrong usage or configuration. docs/capture.md has the details.

Examples:
  kv-event-bridge replay engine.kvcap --speed max | jq .type
  kv-event-bridge replay engine.kvcap --to redis --redis-url redis://localhost:6379 --speed 10
  kv-event-bridge replay engine.kvcap --to tcp://localhost:5557 --replay 'tcp://*:5558' --hold 1m`;

/** `replay`: a capture, sent again. */
export function addReplayCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  const command = program
    .command('replay')
    .description('Send a capture again: into sinks, or out of ZeroMQ sockets as the engines did.')
    .argument('<file>', 'A file that capture or simulate --capture has made.')
    .option('--to <target>', 'Sinks or an endpoint, see below.', 'stdout')
    .option('--speed <number>', '1 keeps the pauses between frames, 10 is ten times as fast, max leaves them out.', '1')
    .option('--topic <text>', 'Only frames whose topic begins with this; several times for several.', collected, [])
    .option('--partial', 'Replay what is before the damage of a damaged file.')
    .option('--bind', 'Listen at the endpoint instead of connecting to it.')
    .option('--replay <endpoint>', 'Answer replays there, e.g. tcp://*:5558.')
    .option('--settle <duration>', 'Longest wait for a first subscriber before the first frame.', '10s')
    .option('--hold <duration>', 'How long to stay after the last frame, answering replays.', '0')
    .option('--json', 'Print one JSON document at the end.')
    .addHelpText('after', helpText);
  addSettingFlags(command, sinkModules).action(async (file: string) => {
    done(await new Replay(file, command, edge).run());
  });
}

class Replay {
  readonly #file: string;
  readonly #command: Command;
  readonly #flags: ReplayFlags;
  readonly #edge: Edge;
  readonly #stop = new AbortController();
  #noted = '';

  constructor(file: string, command: Command, edge: Edge) {
    this.#file = file;
    this.#command = command;
    this.#flags = command.opts();
    this.#edge = edge;
  }

  async run(): Promise<number> {
    const speed = readSpeed(this.#flags.speed);
    const target = readTarget(this.#flags);
    this.#edge.onSignal(() => this.#stop.abort());
    const { gone } = new Output(this.#edge.stdout);
    const config = target.kind === 'sinks' ? await this.#config(target.names) : null;
    const wants = withTopics(this.#flags.topic);
    const survey = await this.#survey(wants);
    const began = Date.now();
    const progress = progressOn(this.#edge.stderr, 'replaying', 'frames');
    const outcome = await this.#go(target, config, {
      ...{ path: this.#file, survey, speed, wants, edge: this.#edge, signal: this.#stop.signal, note: this.#note },
      onProgress: (frames) => progress.update(frames, survey.frames),
    }).finally(() => progress.stop());
    this.#report(outcome, survey, { took: Date.now() - began, target });
    // Whoever reads records has enough of them (`| head`): that is no failure.
    if (outcome.isComplete || (this.#flags.to === 'stdout' && gone.aborted)) return 0;
    this.#note('not everything was replayed');
    return 1;
  }

  #go(target: ReplayTarget, config: Config | null, job: ReplayJob): Promise<ReplayOutcome> {
    if (target.kind === 'endpoint') return replayToEndpoint(target, job);
    if (config === null) throw new Error('sinks are configured');
    return replayToSinks({ ...config, sources: job.survey.meta.sources.map(sourceConfigOf) }, job);
  }

  /** What is configured, but for who this is and where frames come from. */
  async #config(sinks: readonly string[]): Promise<Config> {
    const layers = layersOf(this.#command, sinkModules, this.#edge);
    const own = {
      ...{ name: layers.flags['name'] ?? defaultName, sinks: sinks.join(','), 'http-port': 'off' },
      ...{ standby: 'false', sources: '[{"name":"capture","bind":"tcp://*:5557"}]' },
    };
    const { config } = await loadConfig(sinkModules, { ...layers, flags: { ...layers.flags, ...own } });
    return config;
  }

  async #survey(wants: ReplayJob['wants']): Promise<Survey> {
    const progress = progressOn(this.#edge.stderr, 'checking', 'bytes');
    const { signal } = this.#stop;
    const survey = await surveyCapture(this.#file, { wants, signal, onProgress: progress.update }).finally(() =>
      progress.stop(),
    );
    const { ending, sound, size } = survey;
    if (signal.aborted) return survey;
    if (ending.kind === 'damaged') this.#refuse(ending);
    if (ending.kind === 'cut') this.#note(cutText(this.#file, { offset: sound }, size));
    return survey;
  }

  #refuse(ending: Extract<CaptureReader['ending'], { kind: 'damaged' }>): void {
    const error = damaged(this.#file, ending, '--partial replays what is before it');
    if (this.#flags.partial !== true) throw error;
    this.#note(error.message);
  }

  /** Records have standard output for themselves. */
  #report(outcome: ReplayOutcome, survey: Survey, { took, target }: { took: number; target: ReplayTarget }): void {
    const edge = this.#edge;
    const isTaken = target.kind === 'sinks' && target.names.includes('stdout');
    const output = isTaken ? edge.stderr : edge.stdout;
    const { frames, isComplete, details, lines } = outcome;
    const { ending, publishers } = survey;
    if (this.#flags.json === true) {
      const capture =
        ending.kind === 'complete' ? { state: 'complete' } : { state: ending.kind, offset: ending.offset };
      const said = { file: this.#file, to: this.#flags.to, complete: isComplete, frames, of: survey.frames, capture };
      const rest = { took_seconds: took / 1_000, ...details, publishers: publishersJson(publishers) };
      output.write(`${JSON.stringify({ ...said, ...rest })}\n`);
      return;
    }
    const head = `${this.#file}: ${counted(frames)} of ${counted(survey.frames)} frames in ${(took / 1_000).toFixed(1)} s`;
    output.write(`${[head, ...lines.map((line) => `  ${line}`)].join('\n')}\n${publishersText(publishers)}`);
  }

  /** The same thing once in a row. */
  readonly #note = (message: string): void => {
    // A progress bar may stand in that line; it comes back by itself.
    const clear = isTerminal(this.#edge.stderr) ? '\r\x1b[K' : '';
    if (message !== this.#noted) this.#edge.stderr.write(`${clear}replay: ${message}\n`);
    this.#noted = message;
  };
}

function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
