import type { RecordBatch } from '../core/batch.ts';

/** What a queued batch costs beside its bytes: the objects around it, as measured with one record each. */
const overhead = 704;
/** Each further record: its end. */
const recordOverhead = 8;

export function costOf({ bytes, ends, frames }: RecordBatch): number {
  return bytes.length + overhead + recordOverhead * (ends.length + frames);
}

export interface WriteLimits {
  readonly maxBatchRecords: number;
  readonly maxBatchBytes: number;
}

/** First in, first out; counts bytes and records. Taken batches count until they are settled. */
export class LaneQueue {
  #items: (RecordBatch | undefined)[] = [];
  /** Items before this index are gone (and undefined); the array is cut now and then instead of shifted. */
  #head = 0;
  #waitingRecords = 0;
  #waitingBytes = 0;
  #records = 0;
  #frames = 0;
  #cost = 0;

  /** Bytes held, overhead and unsettled batches included. */
  get cost(): number {
    return this.#cost;
  }

  /** Records held, unsettled ones included. */
  get records(): number {
    return this.#records;
  }

  /** Engine batches held, unsettled ones included. */
  get frames(): number {
    return this.#frames;
  }

  get isEmpty(): boolean {
    return this.#head === this.#items.length;
  }

  add(batch: RecordBatch): void {
    this.#items.push(batch);
    this.#waitingRecords += batch.ends.length;
    this.#waitingBytes += batch.bytes.length;
    this.#records += batch.ends.length;
    this.#frames += batch.frames;
    this.#cost += costOf(batch);
  }

  /** What was not taken yet, in order. */
  *waiting(): Generator<RecordBatch> {
    for (let index = this.#head; index < this.#items.length; index += 1) yield this.#items[index] as RecordBatch;
  }

  /** Whether one write could not take more. */
  fills(limits: WriteLimits): boolean {
    return this.#waitingRecords >= limits.maxBatchRecords || this.#waitingBytes >= limits.maxBatchBytes;
  }

  /** The next batches within the limits, at least one where there is any. */
  take(limits: WriteLimits): RecordBatch[] {
    const taken: RecordBatch[] = [];
    let records = 0;
    let bytes = 0;
    for (; this.#head < this.#items.length; this.#head += 1) {
      const batch = this.#items[this.#head];
      if (batch === undefined) break;
      records += batch.ends.length;
      bytes += batch.bytes.length;
      if (taken.length > 0 && (records > limits.maxBatchRecords || bytes > limits.maxBatchBytes)) break;
      taken.push(batch);
      this.#items[this.#head] = undefined;
      this.#waitingRecords -= batch.ends.length;
      this.#waitingBytes -= batch.bytes.length;
    }
    this.#forget();
    return taken;
  }

  /** Takes everything out: what waits, in order, behind what was taken and not settled. */
  drain(unsettled: readonly RecordBatch[]): RecordBatch[] {
    const waiting = this.#items.slice(this.#head).filter((batch) => batch !== undefined);
    this.clear();
    return [...unsettled, ...waiting];
  }

  /** A taken batch is confirmed and no longer held. */
  settle(batch: RecordBatch): void {
    this.#records -= batch.ends.length;
    this.#frames -= batch.frames;
    this.#cost -= costOf(batch);
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#waitingRecords = 0;
    this.#waitingBytes = 0;
    this.#records = 0;
    this.#frames = 0;
    this.#cost = 0;
  }

  #forget(): void {
    if (this.#head < 1024 && !this.isEmpty) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
