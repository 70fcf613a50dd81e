import type { RecordBatch } from '../core/batch.ts';
import type { Held } from '../core/checkpoint.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf, SinkError } from '../core/errors.ts';
import type { Observe } from '../core/observer.ts';
import type { Sink, WriteOutcome } from '../core/sink.ts';
import { Backoff } from './backoff.ts';

export interface DeliveryOptions {
  /** Name of the sink. */
  readonly name: string;
  readonly sink: Sink;
  /** First and longest pause between tries, ms. */
  readonly retryInitial: number;
  readonly retryMax: number;
  readonly observe: Observe;
  readonly clock: Clock;
  /** 0 <= r < 1; spreads the retries. */
  readonly random: () => number;
  /** Gives up: no further try, what is not confirmed stays unsettled. */
  readonly signal: AbortSignal;
}

/**
 * `closed`: nobody will ever read from this sink again; `fenced`: another bridge of the name has taken over; `reopen`: the
 * sink has to be connected again, to say what it holds; `aborted`: the signal came first.
 */
export type DeliveryEnd = 'done' | 'closed' | 'fenced' | 'reopen' | 'aborted';

type Settled = (batches: readonly RecordBatch[]) => void;

/** Brings batches to one sink: connects, writes, tries again for ever, says how it stands. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #backoff: Backoff;
  /** What was last reported: `up`, or the kind and code of the error. */
  #reported = '';
  /** Stops waiting for the attempt that is under way. */
  #abandon: () => void = () => undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.retryInitial, options.retryMax, options.random);
    options.signal.addEventListener('abort', () => this.#abandon(), { once: true });
  }

  /** Calls `holds` with what the sink says it holds. */
  async connect(holds: (held: Held) => void): Promise<DeliveryEnd> {
    const { sink, signal } = this.#options;
    while (!signal.aborted) {
      try {
        const held = await this.#orAborted(sink.connect());
        if (held === undefined || signal.aborted) break;
        holds(held);
        this.#up();
        return 'done';
      } catch (error) {
        const end = await this.#failed(error);
        if (end !== null && end !== 'reopen') return end;
      }
    }
    return 'aborted';
  }

  /** Calls `settled` with every batch as soon as it is confirmed, in order, each once. */
  async write(batches: readonly RecordBatch[], settled: Settled): Promise<DeliveryEnd> {
    const { sink, signal } = this.#options;
    let rest = batches;
    while (!signal.aborted) {
      try {
        const outcome = await this.#orAborted(sink.write(rest));
        // Too late: the lane has already counted these as not written.
        if (outcome === undefined || signal.aborted) break;
        this.#delivered(rest, outcome);
        settled(rest);
        this.#up();
        return 'done';
      } catch (error) {
        rest = this.#settleWritten(rest, error, settled);
        const end = await this.#failed(error);
        if (end !== null) return end;
      }
    }
    return 'aborted';
  }

  /** What of it is confirmed all the same; returns what is not. */
  #settleWritten(batches: readonly RecordBatch[], error: unknown, settled: Settled): readonly RecordBatch[] {
    // Somewhere on its way to the destination it may still be read.
    for (const { memory } of batches) memory?.keep();
    if (this.#options.signal.aborted) return batches;
    const written = error instanceof SinkError ? batches.slice(0, error.written) : [];
    this.#delivered(written, { deadLettered: 0, batchesDeadLettered: 0 });
    settled(written);
    return batches.slice(written.length);
  }

  /** Says so, and waits until the next try is due; or how the delivery ends. */
  async #failed(error: unknown): Promise<DeliveryEnd | null> {
    const { name, signal, clock, observe } = this.#options;
    const classified = classify(error);
    const { kind, code } = classified;
    observe({ fact: 'sink-error', sink: name, kind, code });
    if (kind === 'closed') return 'closed';
    const delay = this.#down(classified);
    if (kind === 'fenced') return 'fenced';
    await clock.sleep(delay, signal);
    return kind === 'reopen' ? 'reopen' : null;
  }

  /** Stops waiting when the signal comes: a write that hangs must not outlive the drain deadline. Undefined then. */
  #orAborted<T>(work: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#abandon = () => resolve(undefined);
      work.then(resolve, reject);
    });
  }

  #up(): void {
    this.#backoff.reset();
    if (this.#reported === 'up') return;
    this.#reported = 'up';
    this.#options.observe({ fact: 'sink-up', sink: this.#options.name });
  }

  /** Reports; returns how long to wait, ms. */
  #down({ kind, code, message }: SinkError): number {
    const { observe, name } = this.#options;
    const state = `${kind} ${code}`;
    if (this.#reported !== state) observe({ fact: 'sink-down', sink: name, kind, code, message });
    this.#reported = state;
    const delay = this.#backoff.next();
    observe({ fact: 'sink-retry', sink: name, code, attempt: this.#backoff.attempt, delay });
    return delay;
  }

  #delivered(batches: readonly RecordBatch[], { deadLettered, batchesDeadLettered }: WriteOutcome): void {
    if (batches.length === 0) return;
    const now = this.#options.clock.now();
    let records = -deadLettered;
    let bytes = 0;
    const latencies: number[] = [];
    const stays: number[] = [];
    let frames = 0;
    for (const batch of batches) {
      records += batch.ends.length;
      bytes += batch.bytes.length;
      frames += batch.frames;
      if (batch.engineTime !== null) latencies.push(now - batch.engineTime);
      if (batch.frames > 0) stays.push(now - batch.receivedAt);
    }
    const { observe, name } = this.#options;
    observe({ fact: 'delivered', sink: name, records, bytes, at: now, latencies, stays });
    // Control records may be among the dead letters; they stand for no engine batch.
    const dead = Math.min(batchesDeadLettered, frames);
    if (frames > dead) observe({ fact: 'accounting', sink: name, fate: 'delivered', batches: frames - dead });
    if (dead > 0) observe({ fact: 'accounting', sink: name, fate: 'dead_lettered', batches: dead });
  }
}

/** A sink that throws anything but a SinkError has a defect; the records are kept all the same. */
function classify(error: unknown): SinkError {
  if (error instanceof SinkError) return error;
  return new SinkError({ kind: 'transient', code: 'UNCLASSIFIED', message: messageOf(error), cause: error });
}
