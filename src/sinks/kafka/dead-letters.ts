import type { RecordBatch } from '../../core/batch.ts';
import { frameOf } from '../../core/batch.ts';
import type { Observe } from '../../core/observer.ts';
import type { WriteOutcome } from '../../core/sink.ts';
import type { Entry } from './entries.ts';

/** Counts confirmed dead letters: as facts at once, and by batch for the outcome of the write that ends with it. */
export class DeadLetters {
  readonly #observe: Observe;
  readonly #byBatch = new WeakMap<RecordBatch, Count>();

  constructor(observe: Observe) {
    this.#observe = observe;
  }

  confirmed(entries: readonly Entry[]): void {
    const byReason = new Map<string, number>();
    for (const { deadLetter, batch, from } of entries) {
      if (deadLetter === null) continue;
      byReason.set(deadLetter, (byReason.get(deadLetter) ?? 0) + 1);
      const count = this.#byBatch.get(batch) ?? { records: 0, frames: new Set() };
      this.#byBatch.set(batch, count);
      count.records += 1;
      count.frames.add(frameOf(batch, from));
    }
    for (const [reason, records] of byReason) this.#observe({ fact: 'dead-lettered', sink: 'kafka', reason, records });
  }

  /** Of these batches, also what an earlier write that failed in the middle of them had confirmed. */
  outcomeOf(batches: readonly RecordBatch[]): WriteOutcome {
    const counts = batches.flatMap((batch) => this.#byBatch.get(batch) ?? []);
    return {
      deadLettered: counts.reduce((sum, { records }) => sum + records, 0),
      batchesDeadLettered: counts.reduce((sum, { frames }) => sum + frames.size, 0),
    };
  }
}

interface Count {
  records: number;
  /** Which engine batches they are from. */
  readonly frames: Set<number>;
}
