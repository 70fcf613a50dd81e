import type { RecordBatch } from '../../src/core/batch.ts';
import type { Held } from '../../src/core/checkpoint.ts';
import type { Clock } from '../../src/core/clock.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { LaneConfig } from '../../src/core/lane-settings.ts';
import type { Fact } from '../../src/core/observer.ts';
import type { Sink, WriteOutcome } from '../../src/core/sink.ts';
import { Lane } from '../../src/pipeline/lane.ts';

/** Time that passes only when told to; sleepers wake in order. */
export class FakeClock implements Clock {
  #now = 1_700_000_000_000;
  #sleepers: { at: number; wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#sleepers.push({ at: this.#now + ms, wake });
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#sleepers.filter(({ at }) => at <= this.#now);
    this.#sleepers = this.#sleepers.filter(({ at }) => at > this.#now);
    for (const { wake } of due) wake();
    await settle();
  }
}

/** Lets everything run that waits for nothing but promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A sink that a test plays: it answers each write as told, in order; without an answer it waits. */
export class PlayedSink implements Sink {
  readonly writes: string[][] = [];
  connects = 0;
  connectError: SinkError | undefined;
  /** What it says it holds. */
  held: Held = null;
  answer: 'confirm' | 'wait' | SinkError | Error = 'confirm';
  #pending:
    | { batches: readonly RecordBatch[]; resolve: (o: WriteOutcome) => void; reject: (e: unknown) => void }
    | undefined;

  async connect(): Promise<Held> {
    this.connects += 1;
    if (this.connectError) throw this.connectError;
    return this.held;
  }

  write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    this.writes.push(batches.map(name));
    if (this.answer === 'confirm') return Promise.resolve({ deadLettered: 0, batchesDeadLettered: 0 });
    if (this.answer instanceof Error) return Promise.reject(this.answer);
    return new Promise((resolve, reject) => {
      this.#pending = { batches, resolve, reject };
    });
  }

  async confirm(deadLettered = 0): Promise<void> {
    this.#pending?.resolve({ deadLettered, batchesDeadLettered: deadLettered });
    await settle();
  }

  async fail(error: unknown): Promise<void> {
    this.#pending?.reject(error);
    await settle();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const stream = { id: 'zmq/t/0', source: 'zmq', host: null, topic: 't', pod: null, model: null, rank: '0' };

/** One record with this text as its document (padded to `size` bytes) that accounts for number `seq`. */
export function batch(seq: number, size = 100, epoch = 1): RecordBatch {
  const bytes = Buffer.from(`${`#${seq}`.padEnd(size - 1)}\n`);
  const covers = { epoch, from: BigInt(seq), to: BigInt(seq), numbered: true };
  const position = { epoch, seq: covers.to, sub: 0 };
  const follows = seq === 0 ? null : { ...position, seq: covers.to - 1n };
  const checkpoint = { position, ts: null, hash: seq };
  return {
    stream,
    bytes,
    ends: [bytes.length],
    covers,
    checkpoint,
    follows,
    frames: 1,
    frameEnds: null,
    memory: null,
    origin: 'live',
    engineTime: null,
    receivedAt: 0,
  };
}

/** How a test calls a batch: `#7`, or what a gap record says. */
function name({ bytes }: RecordBatch): string {
  const text = bytes.toString().trim();
  if (text.startsWith('#')) return text;
  const { type, from_seq, to_seq, reason } = JSON.parse(text) as Record<string, string>;
  return `${type} ${from_seq}..${to_seq} ${reason}`;
}

export const transient = (written = 0) => new SinkError({ kind: 'transient', code: 'AWAY', message: 'away', written });

export function laneOf(sink: Sink, config: Partial<LaneConfig> = {}) {
  const clock = new FakeClock();
  const facts: Fact[] = [];
  const complete: LaneConfig = {
    record: 'event',
    whenFull: 'block',
    laneBytes: 1_000_000,
    maxBatchRecords: 100,
    maxBatchBytes: 1_000_000,
    linger: 0,
    retryInitial: 100,
    retryMax: 1_000,
    ...config,
  };
  const lane = new Lane({
    name: 'played',
    sink,
    config: complete,
    maxStreams: 100,
    observe: (fact) => facts.push(fact),
    clock,
    random: () => 1,
  });
  return { lane, clock, facts };
}

/** A signal that aborts when told to. */
export function deadline() {
  const late = new AbortController();
  return { signal: late.signal, pass: () => late.abort() };
}
