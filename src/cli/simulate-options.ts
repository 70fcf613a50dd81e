import { ConfigError } from '../core/errors.ts';
import { rankEndpoint } from '../ingress/endpoint.ts';
import type { EngineOptions } from '../simulator/engine.ts';
import type { Encoding } from '../simulator/event.ts';
import { encodings } from '../simulator/event.ts';
import type { HashKind } from '../simulator/history.ts';
import { hashKinds } from '../simulator/history.ts';
import type { ScenarioName } from '../simulator/scenario.ts';
import { scenarioHelp } from '../simulator/scenario.ts';

/** The flags of `simulate` as given; commander's names. */
export type SimulateFlags = Readonly<Record<string, string | true | undefined>>;

export interface SimulateOptions {
  /** One per data-parallel rank. */
  readonly engines: readonly EngineOptions[];
  readonly scenario: ScenarioName;
  readonly encoding: Encoding;
  readonly hash: HashKind;
  readonly seed: number;
  readonly rate: number;
  readonly count: number;
  /** Milliseconds. */
  readonly settle: number;
  readonly hold: number;
  /** How far the clock of the engine is ahead, below 0 behind. */
  readonly clockSkew: number;
  /** Path, `-` for standard output, null for none. */
  readonly truth: string | null;
  /** File to write frames to; null for none. */
  readonly capture: string | null;
  /** Whether an existing one is replaced. */
  readonly force: boolean;
  /** Whether there are sockets; without them there is a capture. */
  readonly publishes: boolean;
}

export const defaultEndpoint = 'tcp://127.0.0.1:5557';
const scenarioNames = Object.keys(scenarioHelp) as ScenarioName[];

/** Reads the flags. Throws a `ConfigError` that names flag, value and remedy. */
export function readSimulateFlags(flags: SimulateFlags): SimulateOptions {
  return {
    engines: enginesOf(flags),
    scenario: choice(flags, 'scenario', scenarioNames),
    encoding: choice(flags, 'encoding', encodings),
    hash: choice(flags, 'hash', hashKinds),
    seed: integer(flags, 'seed', 0, 2 ** 32 - 1),
    rate: rate(flags),
    count: integer(flags, 'count', 0, Number.MAX_SAFE_INTEGER),
    settle: duration(flags, 'settle'),
    hold: duration(flags, 'hold'),
    clockSkew: signedDuration(flags, 'clock-skew'),
    truth: flags['truth'] === undefined ? null : filled(flags, 'truth'),
    ...captureOf(flags),
  };
}

/** A capture alone needs no sockets: they are there where one is named, or where there is no capture. */
function captureOf(flags: SimulateFlags) {
  const capture = flags['capture'] === undefined ? null : filled(flags, 'capture');
  const publishes = capture === null || ['bind', 'connect', 'replay'].some((flag) => flags[flag] !== undefined);
  if (!publishes && integer(flags, 'count', 0, Number.MAX_SAFE_INTEGER) === 0)
    throw new ConfigError('--capture without --connect or --bind waits for nobody and would never end: give --count');
  return { capture, force: flags['force'] !== undefined, publishes };
}

function enginesOf(flags: SimulateFlags): readonly EngineOptions[] {
  const ranks = integer(flags, 'ranks', 1, 1_024);
  const encoding = choice(flags, 'encoding', encodings);
  if (ranks > 1 && (encoding === 'legacy' || encoding === 'bin')) {
    throw new ConfigError(`--ranks ${ranks} needs batches that name their rank: use --encoding array or map`);
  }
  const bind = flags['bind'] !== undefined;
  if (bind && flags['connect'] !== undefined) {
    throw new ConfigError('--bind and --connect exclude each other: keep the one that says what the engine does');
  }
  const endpoint = bind
    ? filled(flags, 'bind')
    : flags['connect'] === undefined
      ? defaultEndpoint
      : filled(flags, 'connect');
  const replay = flags['replay'] === undefined ? null : filled(flags, 'replay');
  if (replay !== null) checkPorts(endpoint, replay, ranks);
  return Array.from({ length: ranks }, (_, rank) => ({
    endpoint: rankEndpoint(endpoint, rank),
    bind,
    topic: topicOf(flags),
    firstSequence: BigInt(integer(flags, 'first-seq', 0, Number.MAX_SAFE_INTEGER)),
    highWaterMark: integer(flags, 'hwm', 1, 10_000_000),
    replayTopic: flags['replayWithoutTopic'] === undefined,
    ...(replay === null ? {} : { replay: rankEndpoint(replay, rank) }),
  }));
}

/** The usual pair 5557 and 5558 collides from two ranks on: rank 1 publishes where rank 0 answers replays. */
function checkPorts(endpoint: string, replay: string, ranks: number): void {
  const [first, second] = [endpoint, replay].map((text) => Number(/:(\d+)$/.exec(text)?.[1] ?? 0));
  if (!first || !second || Math.abs(first - second) >= ranks) return;
  throw new ConfigError(
    `--replay ${replay} and ${endpoint} share ports once ${ranks} ranks are added to both: put them at least ${ranks} apart`,
  );
}

function topicOf(flags: SimulateFlags): string {
  const { topic, pod, model } = flags;
  if (typeof topic !== 'string') return `kv@${pod ?? 'pod-0'}@${model ?? 'Qwen/Qwen3-0.6B'}`;
  if (pod === undefined && model === undefined) return topic;
  throw new ConfigError('--topic is the whole topic: leave out --pod and --model, or leave out --topic');
}

function choice<T extends string>(flags: SimulateFlags, name: string, allowed: readonly T[]): T {
  const value = flags[name];
  const found = allowed.find((word) => word === value);
  if (found !== undefined) return found;
  throw new ConfigError(`--${name} ${shown(value)} is unknown: use one of ${allowed.join(', ')}`);
}

function integer(flags: SimulateFlags, name: string, min: number, max: number): number {
  const text = textOf(flags, name);
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new ConfigError(`--${name} ${shown(text)} is no valid number: use a whole number from ${min} to ${max}`);
}

function rate(flags: SimulateFlags): number {
  const text = textOf(flags, 'rate');
  const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isNaN(value)) return value;
  throw new ConfigError(
    `--rate ${shown(text)} is no valid number: use batches per second such as 50 or 0.5, or 0 for no limit`,
  );
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function duration(flags: SimulateFlags, name: string): number {
  const text = textOf(flags, name);
  const value = millisecondsOf(text);
  if (value !== null) return value;
  throw new ConfigError(`--${name} ${shown(text)} is no duration: give a unit, such as 500ms, 30s, 10m or 1h`);
}

function signedDuration(flags: SimulateFlags, name: string): number {
  const text = textOf(flags, name);
  const value = millisecondsOf(text.replace(/^-/, ''));
  if (value !== null) return text.startsWith('-') ? -value : value;
  throw new ConfigError(
    `--${name} ${shown(text)} is no duration: give a unit and perhaps a sign, such as 5s or -500ms`,
  );
}

function millisecondsOf(text: string): number | null {
  if (text === '0') return 0;
  const [, digits, unit = ''] = /^(\d{1,6})(ms|s|m|h)$/.exec(text) ?? [];
  return digits === undefined ? null : Number(digits) * (units[unit] ?? 1);
}

function filled(flags: SimulateFlags, name: string): string {
  const text = textOf(flags, name);
  if (text.trim() !== '') return text;
  throw new ConfigError(`--${name} is empty: give a value or leave it out`);
}

/** Commander names flags in camelCase. */
function textOf(flags: SimulateFlags, name: string): string {
  const value = flags[name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
  return typeof value === 'string' ? value : '';
}

function shown(value: unknown): string {
  return JSON.stringify(String(value ?? '').slice(0, 100));
}
