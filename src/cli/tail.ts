import type { Command } from 'commander';
import { Option } from 'commander';
import { loadConfig } from '../config/load.ts';
import { shownArgument } from '../config/mask.ts';
import { suggestion } from '../config/nearest.ts';
import { ConfigError } from '../core/errors.ts';
import { sinkModules } from '../sinks/registry.ts';
import type { Edge } from './edge.ts';
import { Output } from './output.ts';
import { addSettingFlags, layersOf } from './settings-flags.ts';
import { ableSinks, chooseSink, storeHint } from './sink-choice.ts';
import { hasColour, isTerminal } from './style.ts';
import { checkTypes } from './tail/filter.ts';
import { BridgeTail } from './tail/from-bridge.ts';
import { tailEndpoint } from './tail/from-endpoint.ts';
import { tailSink } from './tail/from-sink.ts';
import { Show } from './tail/show.ts';

const helpText = `
TARGET is one of
  redis, kafka, file   what this sink has written, found by the usual settings
  http://host:8080     a running bridge: what it writes from now on; one that goes away is waited for
  tcp://host:5557      a publisher, heard directly; its sequence is checked, so what is missing shows as StreamGap
A publisher with credentials: they come from ZMQ_PLAIN_* and ZMQ_CURVE_*.
Without it: the first enabled sink that can be read, else the bridge on this machine.

On a terminal one short line per record, in a pipe one JSON document per line (--json: always). Token ids are prompts,
and are replaced by their number unless --tokens is given. Ctrl-C ends it.

Examples:
  kv-event-bridge tail http://localhost:8080 --type StreamGap --type StreamRestarted
  kv-event-bridge tail redis --redis-url redis://redis:6379 --from start --count 10
  kv-event-bridge tail tcp://10.0.0.7:5557 --json | jq .event.block_hashes
  kv-event-bridge tail --bind 'tcp://*:5557'`;

interface TailFlags {
  readonly bind?: string;
  readonly stream?: string;
  readonly model?: string;
  readonly type: readonly string[];
  readonly from: 'start' | 'end';
  readonly follow: boolean;
  readonly count?: number;
  readonly tokens?: true;
  readonly json?: true;
}

/** `tail`: records as they come, wherever from. */
export function addTailCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  const command = program
    .command('tail')
    .description('Show records as they come: of a sink, of a running bridge, or of a publisher.')
    .argument('[target]', 'Where from, see below.')
    .option('--bind <endpoint>', 'Listen there for publishers that dial in, e.g. tcp://*:5557; instead of TARGET.')
    .option('--stream <text>', 'Only streams whose id contains this.')
    .option('--model <name>', 'Only records of this model.')
    .option('--type <name>', 'Only records of this type; several times for several.', collected, [])
    .addOption(new Option('--from <place>', 'Where to begin in a sink.').choices(['start', 'end']).default('end'))
    .option('--no-follow', 'End where the sink ends now, instead of waiting for more.')
    .option('--count <number>', 'End after so many records.', positive)
    .option('--tokens', 'Show token ids.')
    .option('--json', 'One JSON document per line, on a terminal as well.')
    .addHelpText('after', helpText);
  addSettingFlags(command, sinkModules).action(async (target: string | undefined, flags: TailFlags) => {
    checkTypes(flags.type);
    await new Tail(command, edge, flags).run(target);
    done(0);
  });
}

class Tail {
  readonly #command: Command;
  readonly #edge: Edge;
  readonly #flags: TailFlags;
  readonly #stop = new AbortController();
  readonly #show: Show;
  #noted = '';

  constructor(command: Command, edge: Edge, flags: TailFlags) {
    this.#command = command;
    this.#edge = edge;
    this.#flags = flags;
    edge.onSignal(() => this.#stop.abort());
    const output = new Output(edge.stdout);
    output.gone.addEventListener('abort', () => this.#stop.abort(), { once: true });
    this.#show = new Show(output, {
      filter: this.#filter,
      count: flags.count ?? null,
      tokens: flags.tokens === true,
      pretty: flags.json !== true && isTerminal(edge.stdout),
      colour: hasColour(edge.stdout, edge.env),
      complain: this.#note,
    });
  }

  async run(target: string | undefined): Promise<void> {
    const { bind } = this.#flags;
    if (bind !== undefined && target !== undefined)
      throw new ConfigError('--bind is a target of its own: leave TARGET out');
    if (bind !== undefined) return this.#endpoint(bind, 'bind');
    if (target === undefined) return this.#default();
    if (/^(tcp|ipc):\/\//.test(target)) return this.#endpoint(target, 'connect');
    if (/^https?:\/\//.test(target)) return this.#bridge(urlOf(target), '');
    const known = ableSinks('reader');
    if (!known.includes(target)) {
      const forms = `${suggestion(target, known)}; or give a bridge's URL (http://host:8080) or an endpoint (tcp://host:5557)`;
      throw new ConfigError(`unknown target ${shownArgument(target)}; ${storeHint(target) ?? forms}`);
    }
    await this.#sink(target);
  }

  async #default(): Promise<void> {
    if (await this.#sink(null)) return;
    const { config } = await loadConfig(sinkModules, layersOf(this.#command, sinkModules, this.#edge));
    const what = `${ableSinks('reader').join(', ')}, a bridge's URL or tcp://host:port`;
    if (config.http.port === 'off' || config.http.port === 0)
      throw new ConfigError(`no enabled sink can be read (sinks: ${config.sinks.join(', ')}): give a target: ${what}`);
    const otherwise = `; no enabled sink can be read (sinks: ${config.sinks.join(', ')}), so give a target: ${what}`;
    await this.#bridge(urlOf(`http://localhost:${config.http.port}`), otherwise);
  }

  /** False where there is none. */
  async #sink(name: string | null): Promise<boolean> {
    const chosen = await chooseSink(name, 'reader', { command: this.#command, edge: this.#edge });
    if (chosen === null) return false;
    const { from, follow } = this.#flags;
    if (from === 'end' && !follow) throw new ConfigError('--no-follow needs --from start: nothing else is there yet');
    await tailSink(chosen, { from, follow, signal: this.#stop.signal }, this.#show.take);
    return true;
  }

  async #bridge(url: URL, otherwise: string): Promise<void> {
    this.#checkLive('a bridge passes on what comes');
    const { tokens = false } = this.#flags;
    const request = { url, filter: this.#filter, tokens, signal: this.#stop.signal, otherwise };
    await new BridgeTail(request, this.#note).run(this.#show.take);
  }

  async #endpoint(endpoint: string, mode: 'bind' | 'connect'): Promise<void> {
    this.#checkLive('a publisher is heard as it speaks');
    const { flags } = layersOf(this.#command, sinkModules, this.#edge);
    const own = Object.entries(flags).filter(([flag]) => /^(zmq|replay)-/.test(flag) && flag !== 'zmq-port');
    const options = { endpoint, mode, flags: Object.fromEntries(own), edge: this.#edge };
    await tailEndpoint({ ...options, signal: this.#stop.signal, note: this.#note }, this.#show.take);
  }

  #checkLive(why: string): void {
    if (this.#flags.from === 'start')
      throw new ConfigError(`--from start: ${why}; only a sink can be read from its start`);
    if (!this.#flags.follow) throw new ConfigError(`--no-follow: ${why}; only a sink has an end`);
  }

  get #filter() {
    const { stream = null, model = null, type } = this.#flags;
    return { stream, model, types: type };
  }

  /** The same thing once in a row. */
  readonly #note = (message: string): void => {
    if (message !== this.#noted) this.#edge.stderr.write(`tail: ${message}\n`);
    this.#noted = message;
  };
}

function urlOf(text: string): URL {
  if (!URL.canParse(text)) throw new ConfigError(`${shownArgument(text)} is no URL; e.g. http://localhost:8080`);
  return new URL(text);
}

function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new ConfigError(`--count: ${JSON.stringify(text)} must be a whole number from 1`);
  return Number(text);
}
