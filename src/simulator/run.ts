import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineOptions } from './engine.ts';
import { Engine } from './engine.ts';
import type { Publishing } from './recording.ts';
import type { Step } from './scenario.ts';
import type { PublishedLine, TruthLine } from './truth.ts';
import type { WireValue } from './value.ts';
import { encodeValue } from './value.ts';

export interface RunOptions {
  readonly engine: EngineOptions;
  /** The data-parallel rank that the batches name. */
  readonly rank: number;
  readonly steps: Iterator<Step, never>;
  /** Batches per second; 0 = as fast as the subscriber takes them. */
  readonly rate: number;
  /** Sequence numbers to use up; 0 = until aborted. */
  readonly count: number;
  /** Longest wait for a first subscriber, milliseconds. */
  readonly settle: number;
  /** How long to answer replays after the last batch, milliseconds. */
  readonly hold: number;
  /** Gets each line once its batch is handed to the socket. */
  readonly truth: ((line: TruthLine) => void | Promise<void>) | null;
  readonly now: () => number;
  /** The engine of this run, and after a restart the next one; a plain one unless told. `now`: the time of the run. */
  readonly create?: (options: EngineOptions, now: () => number) => Publishing;
  /** Nobody listens: nothing waits, and times are those that the rate would have given. */
  readonly isTimeless?: boolean;
}

export interface RunSummary {
  readonly batches: number;
  readonly events: number;
  readonly skipped: number;
  readonly restarts: number;
  /** False when no subscriber came within `settle`: the first batches went nowhere. */
  readonly subscribed: boolean;
  /** From the first to the last batch, milliseconds. */
  readonly took: number;
}

/** How long a restarted engine stays away, so that what the old one sent is out of the way before the new one speaks. */
const restartPause = 500;

/** Drives one engine through its steps. Ends at the count, or soon after the signal; closes the engine in any case. */
export async function runEngine(options: RunOptions, signal: AbortSignal): Promise<RunSummary> {
  const run = new EngineRun(options, signal);
  try {
    await run.open();
    await run.steps();
    await pause(options.hold, signal);
  } finally {
    await run.close();
  }
  return run.summary();
}

class EngineRun {
  readonly #options: RunOptions;
  readonly #signal: AbortSignal;
  #engine: Publishing;
  readonly #startedAt: number;
  #batches = 0;
  #events = 0;
  #skipped = 0;
  #restarts = 0;
  #subscribed = true;
  /** The rank as the last batch named it, if it did. */
  #namedRank: { readonly data_parallel_rank?: number } = {};
  #began = 0;
  #ended = 0;

  constructor(options: RunOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    const { now, count, rate, isTimeless } = options;
    // It has just ended.
    this.#startedAt = now() - (isTimeless && rate > 0 ? (count * 1_000) / rate : 0);
    this.#engine = this.#create();
  }

  async open(): Promise<void> {
    await this.#engine.open();
    this.#subscribed = (await this.#settle()) && this.#subscribed;
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  summary(): RunSummary {
    return {
      batches: this.#batches,
      events: this.#events,
      skipped: this.#skipped,
      restarts: this.#restarts,
      subscribed: this.#subscribed,
      took: this.#ended - this.#began,
    };
  }

  async steps(): Promise<void> {
    const { count, steps } = this.#options;
    this.#began = performance.now();
    while (!this.#signal.aborted && (count === 0 || this.#used < count)) await this.#do(steps.next().value);
    this.#ended = performance.now();
  }

  get #used(): number {
    return this.#batches + this.#skipped;
  }

  async #do(step: Step): Promise<void> {
    switch (step.kind) {
      case 'batch':
        return this.#publish(step);
      case 'skip':
        await this.#options.truth?.({ ...this.#head(), ...this.#namedRank, unpublished: true });
        this.#engine.skip();
        this.#skipped += 1;
        return;
      case 'restart':
        return this.#restart();
    }
  }

  async #publish(step: Extract<Step, { kind: 'batch' }>): Promise<void> {
    await this.#keepRate();
    if (this.#signal.aborted) return;
    const { wire, line } = batchOf(step, this.#options.rank, this.#now);
    const head = this.#head();
    if (!(await this.#engine.publish(encodeValue(wire), this.#signal))) return;
    await this.#options.truth?.({ ...head, ...line });
    this.#namedRank = 'data_parallel_rank' in line ? { data_parallel_rank: this.#options.rank } : {};
    this.#batches += 1;
    this.#events += step.events.length;
  }

  #create(): Publishing {
    const { create, engine } = this.#options;
    return create?.(engine, () => this.#now) ?? new Engine(engine);
  }

  get #now(): number {
    const { rate, now, isTimeless } = this.#options;
    return isTimeless && rate > 0 ? Math.floor(this.#startedAt + (this.#used * 1_000) / rate) : now();
  }

  /** Waits until this batch is due; without a rate only lets the sockets and timers have their turn. */
  async #keepRate(): Promise<void> {
    const { rate, isTimeless } = this.#options;
    const due = rate === 0 || isTimeless ? 0 : this.#began + (this.#used * 1_000) / rate - performance.now();
    if (due > 0) await pause(due, this.#signal);
    else if (this.#used % 32 === 0) await new Promise(setImmediate);
  }

  async #restart(): Promise<void> {
    await this.#engine.close();
    if (!this.#options.isTimeless) await pause(restartPause, this.#signal);
    this.#engine = this.#create();
    this.#restarts += 1;
    await this.open();
  }

  async #settle(): Promise<boolean> {
    const deadline = performance.now() + this.#options.settle;
    while (!this.#engine.subscribed && performance.now() < deadline && !this.#signal.aborted) await sleep(5);
    return this.#engine.subscribed;
  }

  #head(): { topic: string; sequence: string; incarnation?: number } {
    return {
      topic: this.#options.engine.topic,
      sequence: String(this.#engine.nextSequence),
      ...(this.#restarts > 0 ? { incarnation: this.#restarts } : {}),
    };
  }
}

type BatchLine = Omit<PublishedLine, 'topic' | 'sequence' | 'incarnation'>;

/** A batch in its wire form and its truth; `now` in milliseconds. */
function batchOf(
  { events, form }: Extract<Step, { kind: 'batch' }>,
  rank: number,
  now: number,
): { wire: WireValue; line: BatchLine } {
  const ts = form === 'milliseconds' ? now : now / 1_000;
  const wires = events.map((event) => event.wire);
  const line = { ts, events: events.map((event) => event.truth) };
  switch (form) {
    case 'pair':
      return { wire: [ts, wires], line };
    case 'map':
      return { wire: { ts, events: wires, data_parallel_rank: rank }, line: { ...line, data_parallel_rank: rank } };
    case 'milliseconds':
      return { wire: [BigInt(ts), wires, rank], line: { ...line, data_parallel_rank: rank } };
    case 'triple':
      return { wire: [ts, wires, rank], line: { ...line, data_parallel_rank: rank } };
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
