import { parseArgs } from 'node:util';
import { profileHelp } from './load/profiles.ts';
import type { SinkName } from './targets/target.ts';
import { sinkNames } from './targets/target.ts';

export const partNames = ['throughput', 'latency', 'micro', 'growth'] as const;
export type PartName = (typeof partNames)[number];

export interface Variant {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface Options {
  readonly parts: readonly PartName[];
  readonly profiles: readonly string[];
  readonly sinks: readonly SinkName[];
  /** Names of those that run; null: all. */
  readonly candidates: readonly string[] | null;
  readonly rounds: number;
  /** Of decode1; the other profiles get fewer, as their events are larger. */
  readonly events: number;
  readonly publisher: 'raw' | 'libzmq';
  readonly peer: string | null;
  readonly python: string;
  readonly variants: readonly Variant[];
  readonly json: string | null;
  /** Page to write; null: none. */
  readonly page: string | null;
  /** As typed, for the page. */
  readonly typed: string;
}

/** What was typed cannot be meant: exit code 2. */
export class UsageError extends Error {}

export const help = `npm run bench -- [options]      (make bench ARGS="[options]")

Measures the bridge beside a plain Node.js bridge, a Python bridge (--peer) and the libraries alone. Starts Redis and
Kafka itself, as the tests do. Takes some minutes. Writes docs/benchmarks.md, unless it is told to measure less than everything.

  --quick            one round of a third of the events, the smallest and the largest profile, no growth table: about a
                     minute, rough; writes no page
  --parts LIST       of ${partNames.join(', ')} (all)
  --profiles LIST    (all)
${Object.entries(profileHelp)
  .map(([name, what]) => `                       ${name.padEnd(10)} ${what}`)
  .join('\n')}
  --sinks LIST       of ${sinkNames.join(', ')} (all)
  --candidates LIST  names of those that run, e.g. bridge,python (all)
  --rounds N         interleaved rounds; medians are shown (3)
  --events N         events of decode1 in a run; mixed gets N/2.4, prefill8k N/48 (100000)
  --publisher NAME   raw: ready bytes over TCP; libzmq: its own PUB socket, dearer (raw)
  --peer FILE        a Python bridge that takes --port, --sink, --redis-port, --stream, --bootstrap, --kafka-topic, --compression
  --python FILE      the interpreter for it (python3)
  --variant NAME:KEY=VALUE,...  the bridge once more with other settings; may be repeated, e.g.
                     exactly-once:REDIS_DELIVERY=exactly-once,KAFKA_DELIVERY=exactly-once
  --json FILE        every figure of every round
  --page FILE        where to write the page, also of a part
  --help`;

const definitions = {
  quick: { type: 'boolean', default: false },
  parts: { type: 'string' },
  profiles: { type: 'string' },
  sinks: { type: 'string' },
  candidates: { type: 'string' },
  rounds: { type: 'string' },
  events: { type: 'string' },
  publisher: { type: 'string', default: 'raw' },
  peer: { type: 'string' },
  python: { type: 'string', default: 'python3' },
  variant: { type: 'string', multiple: true },
  json: { type: 'string' },
  page: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Null when help was asked for. */
export function readArguments(args: readonly string[]): Options | null {
  const given = parse(args);
  if (given.help) return null;
  const { quick, peer, json, page } = given;
  const parts = choose('parts', given.parts ?? (quick ? 'throughput,latency,micro' : undefined), partNames);
  const profiles = choose(
    'profiles',
    given.profiles ?? (quick ? 'decode1,prefill8k' : undefined),
    Object.keys(profileHelp),
  );
  const sinks = choose('sinks', given.sinks, sinkNames);
  const isPart = [given.parts, given.profiles, given.sinks, given.candidates].some((list) => list !== undefined);
  const [publisher = 'raw'] = choose('publisher', given.publisher, ['raw', 'libzmq'] as const);
  return {
    parts,
    profiles,
    sinks,
    candidates: given.candidates?.split(',') ?? null,
    rounds: count('rounds', given.rounds, quick ? 1 : 3),
    events: count('events', given.events, quick ? 20_000 : 100_000),
    publisher,
    peer: peer ?? null,
    python: given.python,
    variants: (given.variant ?? []).map(readVariant),
    json: json ?? null,
    page: page ?? (quick || isPart ? null : 'docs/benchmarks.md'),
    typed: args.join(' '),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: definitions }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function choose<T extends string>(flag: string, list: string | undefined, known: readonly T[]): readonly T[] {
  if (list === undefined) return known;
  return list.split(',').map((name) => {
    const found = known.find((one) => one === name);
    if (found === undefined) throw new UsageError(`--${flag}: there is no "${name}", only ${known.join(', ')}`);
    return found;
  });
}

function count(flag: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`--${flag}: "${text}" must be a whole number from 1`);
  return Number(text);
}

function readVariant(text: string): Variant {
  const [, name, settings] = /^([a-z][a-z0-9 -]*):(.+)$/.exec(text) ?? [];
  const pairs = settings?.split(',').map((pair) => /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(pair)?.slice(1) ?? []);
  if (name === undefined || pairs === undefined || pairs.some((pair) => pair.length !== 2)) {
    throw new UsageError(`--variant: "${text}" must look like exactly-once:REDIS_DELIVERY=exactly-once`);
  }
  return { name, env: Object.fromEntries(pairs) };
}
