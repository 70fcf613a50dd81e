import type { RecordBatch } from '../../core/batch.ts';
import type { Records } from './entries.ts';
import { recordsOf, without } from './entries.ts';

/**
 * Counts confirmed records of the writes of one lane. A batch may be half confirmed when a write fails; the lane then
 * brings it again as a whole, and what is confirmed is not sent twice.
 */
export class Progress {
  #batches: readonly RecordBatch[] = [];
  #confirmed = 0;

  /** Takes the batches of a write and returns the records in them that are still to be confirmed. */
  begin(batches: readonly RecordBatch[]): readonly Records[] {
    const { batch, records } = this.#position();
    this.#batches = batches;
    this.#confirmed = batch !== undefined && batches[0] === batch ? records : 0;
    return without(recordsOf(batches), this.#confirmed);
  }

  confirm(records: number): void {
    this.#confirmed += records;
  }

  /** How many leading batches are confirmed as a whole. */
  get written(): number {
    return this.#position().written;
  }

  #position(): { written: number; batch: RecordBatch | undefined; records: number } {
    let records = this.#confirmed;
    let written = 0;
    for (const batch of this.#batches) {
      if (records < batch.ends.length) return { written, batch, records };
      records -= batch.ends.length;
      written += 1;
    }
    return { written, batch: undefined, records: 0 };
  }
}
