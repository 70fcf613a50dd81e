import type { RecordBatch } from '../../core/batch.ts';
import type { Observe } from '../../core/observer.ts';
import type { WriteOutcome } from '../../core/sink.ts';
import type { Entry } from './chunks.ts';

/** Counts confirmed dead letters: as facts at once, and by batch for the outcome of the write that ends with it. */
export class DeadLetters {
  readonly #observe: Observe;
  readonly #byBatch = new WeakMap<RecordBatch, number>();

  constructor(observe: Observe) {
    this.#observe = observe;
  }

  confirmed(entries: readonly Entry[]): void {
    const byReason = new Map<string, number>();
    for (const { deadLetter, batch } of entries) {
      if (deadLetter === null) continue;
      byReason.set(deadLetter, (byReason.get(deadLetter) ?? 0) + 1);
      this.#byBatch.set(batch, (this.#byBatch.get(batch) ?? 0) + 1);
    }
    for (const [reason, records] of byReason) this.#observe({ fact: 'dead-lettered', sink: 'kafka', reason, records });
  }

  /** Of these batches, also what an earlier write that failed in the middle of them had confirmed. */
  outcomeOf(batches: readonly RecordBatch[]): WriteOutcome {
    const counts = batches.map((batch) => this.#byBatch.get(batch) ?? 0).filter((count) => count > 0);
    return { deadLettered: counts.reduce((sum, count) => sum + count, 0), batchesDeadLettered: counts.length };
  }
}
