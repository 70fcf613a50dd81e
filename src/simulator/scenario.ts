import type { CacheEvent, Encoding, WireEvent } from './event.ts';
import { encodeEvent } from './event.ts';
import type { HashKind } from './history.ts';
import { CacheHistory } from './history.ts';
import { variants } from './variants.ts';

/** What an engine does next. */
export type Step =
  | { readonly kind: 'batch'; readonly events: readonly WireEvent[]; readonly form: BatchForm }
  /** A number is used up and nothing sent: neither subscribers nor replays will ever see it. */
  | { readonly kind: 'skip' }
  /** The process dies and comes back: same topic, numbers from the start. */
  | { readonly kind: 'restart' };

/** `triple`: [ts, events, rank]; `pair`: [ts, events]; `map`: the three by name; `milliseconds`: a triple with integer ts. */
export type BatchForm = 'triple' | 'pair' | 'map' | 'milliseconds';

export interface ScenarioOptions {
  readonly seed: number;
  readonly hash: HashKind;
  readonly encoding: Encoding;
}

type Scenario = (history: CacheHistory, encoding: Encoding) => Generator<Step, never>;

/** Batches between two restarts, and between two gaps. */
const restartEvery = 40;
const gapEvery = 25;

const prefillBlocks = 512;

const scenarios = {
  decode: events((history) => [history.decode()]),
  prefill: events((history) => [history.prefill(prefillBlocks)]),
  mixed: events(mixed),
  removals: events((history) => [history.random.next() < 0.5 ? history.prefill(4) : history.remove(8)]),
  clears: events((history) => [history.random.next() < 0.1 ? history.clear() : history.prefill(4)]),
  restart: every(restartEvery, { kind: 'restart' }),
  gap: every(gapEvery, { kind: 'skip' }),
  encodings: everyEncoding,
} satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof scenarios;

/** The scenarios in one line each, as the help shows them. */
export const scenarioHelp: Readonly<Record<ScenarioName, string>> = {
  decode: 'one event of one block (16 tokens) per batch',
  prefill: `one event of ${prefillBlocks} blocks (8192 tokens) per batch`,
  mixed: '80 % decode, 15 % prefill of 1 to 32 blocks, 5 % removals',
  removals: 'stores and removals in turn',
  clears: 'stores, with everything cleared now and then',
  restart: `mixed; after every ${restartEvery} batches the engine restarts and counts from the start`,
  gap: `mixed; after every ${gapEvery} batches a number is skipped that no replay can fill`,
  encodings: 'every known form of an event in turn, also mixed in one batch; --encoding and --hash do not apply',
};

/** The endless, reproducible steps of one engine. */
export function scenario(name: ScenarioName, options: ScenarioOptions): Generator<Step, never> {
  return scenarios[name](new CacheHistory(options), options.encoding);
}

function events(produce: (history: CacheHistory) => readonly CacheEvent[]): Scenario {
  return function* (history, encoding) {
    const form = encoding === 'legacy' || encoding === 'bin' ? 'pair' : 'triple';
    for (;;) {
      yield { kind: 'batch', events: produce(history).map((event) => encodeEvent(event, encoding)), form };
    }
  };
}

function mixed(history: CacheHistory): readonly CacheEvent[] {
  const dice = history.random.next();
  if (dice < 0.8) return [history.decode()];
  return [dice < 0.95 ? history.prefill(history.random.between(1, 32)) : history.remove(8)];
}

function every(count: number, step: Step): Scenario {
  return function* (history, encoding) {
    const batches = events(mixed)(history, encoding);
    for (;;) {
      for (let sent = 0; sent < count; sent += 1) yield batches.next().value;
      yield step;
      // The cache of a restarted engine is empty: nothing of the life before is ever removed.
      if (step.kind === 'restart') history.clear();
    }
  };
}

function* everyEncoding(history: CacheHistory): Generator<Step, never> {
  const forms: readonly BatchForm[] = ['triple', 'map', 'milliseconds'];
  const batches = variants(history);
  for (;;) {
    for (const form of forms) {
      for (const batch of batches) yield { kind: 'batch', events: batch(), form };
    }
  }
}
