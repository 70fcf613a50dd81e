import type { RecordBatch } from '../core/batch.ts';

/** What the queue gives out: one record without its newline, or how many were left out here. */
export type Queued = { readonly record: Buffer } | { readonly skipped: number };

interface Waiting {
  readonly bytes: Buffer;
  readonly ends: readonly number[];
}

/** What one batch takes beside its bytes. */
const overhead = 256;

/** Records that wait for one reader, bounded in bytes: what has no room is left out, and its place and number are kept. */
export class RecordQueue {
  readonly #limit: number;
  readonly #waiting: (Waiting | { skipped: number })[] = [];
  /** Next record of the first batch. */
  #index = 0;
  #cost = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add({ bytes, ends }: RecordBatch): void {
    const cost = costOf(bytes);
    const last = this.#waiting.at(-1);
    if (this.#cost + cost > this.#limit) {
      if (last !== undefined && 'skipped' in last) last.skipped += ends.length;
      else this.#waiting.push({ skipped: ends.length });
      return;
    }
    this.#cost += cost;
    // A copy: many batches share one piece of memory, and this reader may want few of them.
    this.#waiting.push({ bytes: Buffer.from(bytes), ends });
  }

  /** Undefined where nothing waits. */
  next(): Queued | undefined {
    const first = this.#waiting[0];
    if (first === undefined) return undefined;
    if ('skipped' in first) {
      this.#waiting.shift();
      return first;
    }
    const { bytes, ends } = first;
    const start = this.#index === 0 ? 0 : (ends[this.#index - 1] ?? 0);
    const record = bytes.subarray(start, (ends[this.#index] ?? start + 1) - 1);
    this.#index += 1;
    if (this.#index >= ends.length) {
      this.#waiting.shift();
      this.#index = 0;
      this.#cost -= costOf(bytes);
    }
    return { record };
  }
}

function costOf(bytes: Buffer): number {
  return bytes.length + overhead;
}
