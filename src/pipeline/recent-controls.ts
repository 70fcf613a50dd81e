import type { RecordBatch } from '../core/batch.ts';
import { recordAt } from '../core/batch.ts';
import type { Forms } from './passage.ts';

/** Control records that are kept for whoever asks what has happened. */
const kept = 50;

/**
 * The newest control records of all streams. `EmptyBatch` is left out: engines may send many, and they say nothing of
 * what went wrong.
 */
export class RecentControls {
  /** JSON documents; once there are as many as are kept, `#next` is the oldest. */
  readonly #records: Buffer[] = [];
  #next = 0;

  /** A batch of one control record, in memory of its own. */
  add(control: RecordBatch): void {
    this.#keep(recordAt(control, 0));
  }

  /** Of a batch with events that could not be read: the first one's record, as a copy, since the batch may be large. */
  addUndecodable({ event, batch }: Forms): void {
    const records = event ?? batch;
    if (records === undefined) return;
    for (let index = 0; index < records.ends.length; index += 1) {
      const record = recordAt(records, index);
      if (!record.includes('"type":"Undecodable"')) continue;
      this.#keep(Buffer.from(record));
      return;
    }
  }

  /** The newest first. */
  newest(): readonly Buffer[] {
    const { length } = this.#records;
    return Array.from({ length }, (_, back) => this.#records[(this.#next - 1 - back + length) % length] as Buffer);
  }

  #keep(record: Buffer): void {
    this.#records[this.#next] = record;
    this.#next = (this.#next + 1) % kept;
  }
}
