import type { Documents, RecordBatch } from '../../core/batch.ts';
import { recordAt, startOf } from '../../core/batch.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';

/** What goes to Kafka for records of any kind that have one key and one timestamp. */
export interface Sendable {
  readonly key: Buffer;
  readonly values: Documents;
  /** Which of the values: so many, from this one on. */
  readonly first: number;
  readonly count: number;
  /** Gives them their timestamp. */
  readonly batch: { readonly receivedAt: number };
}

/** Some records of a batch, one after the other. */
export interface Records {
  readonly batch: RecordBatch;
  readonly from: number;
  readonly count: number;
}

/** Records on their way: where they came from and what goes to Kafka for them. No object for each of them. */
export interface Entry extends Sendable, Records {
  readonly batch: RecordBatch;
  readonly topic: string;
  readonly partition: number;
  /** Why this is the dead letter of its only record instead of that; null for the records themselves. */
  readonly deadLetter: DeadLetter['reason'] | null;
  /** It goes in a send of its own: only the broker can tell whether its only record fits once compressed. */
  readonly alone: boolean;
}

/** Header of a record batch (61 bytes) and its place in the request. */
const batchOverhead = 96;
/** Lengths, deltas and flags around one record at their longest. */
const recordOverhead = 40;

/** One record with its value. */
export function single(key: Buffer, value: Buffer, batch: Sendable['batch']): Sendable {
  const bytes = Buffer.concat([value, Buffer.from('\n')]);
  return { key, values: { bytes, ends: [bytes.length] }, first: 0, count: 1, batch };
}

/** The n-th value of an entry; a view. */
export function nthValue({ values, first }: Sendable, index: number): Buffer {
  return recordAt(values, first + index);
}

export function sizeOf({ key, values, first, count }: Pick<Sendable, 'key' | 'values' | 'first' | 'count'>): number {
  const bytes = startOf(values, first + count) - startOf(values, first);
  return bytes + count * (key.length - 1 + recordOverhead);
}

/** Whether records of this size fit into a record batch of their own. */
export function fits(size: number, limit: number): boolean {
  return size + batchOverhead <= limit;
}

export function countOf(entries: readonly Pick<Records, 'count'>[]): number {
  return entries.reduce((sum, { count }) => sum + count, 0);
}

/** The records of an entry from the n-th to before another. */
export function slice(entry: Entry, from: number, to: number): Entry {
  return { ...entry, first: entry.first + from, from: entry.from + from, count: to - from };
}

/** The first records of these entries, and the others. */
export function halves(entries: readonly Entry[], records: number): readonly [readonly Entry[], readonly Entry[]] {
  const head: Entry[] = [];
  const tail: Entry[] = [];
  let left = records;
  for (const entry of entries) {
    const taken = Math.min(left, entry.count);
    left -= taken;
    if (taken > 0) head.push(taken === entry.count ? entry : slice(entry, 0, taken));
    if (taken < entry.count) tail.push(taken === 0 ? entry : slice(entry, taken, entry.count));
  }
  return [head, tail];
}

/** All records of these batches. */
export function recordsOf(batches: readonly RecordBatch[]): readonly Records[] {
  const all: Records[] = [];
  for (const batch of batches) if (batch.ends.length > 0) all.push({ batch, from: 0, count: batch.ends.length });
  return all;
}

/** Without the first of them. */
export function without(records: readonly Records[], first: number): readonly Records[] {
  let left = first;
  let index = 0;
  for (; index < records.length; index += 1) {
    const { count } = records[index] as Records;
    if (left < count) break;
    left -= count;
  }
  const [begun, ...rest] = records.slice(index);
  if (begun === undefined || left === 0) return records.slice(index);
  return [{ batch: begun.batch, from: begun.from + left, count: begun.count - left }, ...rest];
}

/** Whether the entries are exactly the first of these records. */
export function isStartOf(entries: readonly Records[], records: readonly Records[]): boolean {
  let index = 0;
  let done = 0;
  for (const { batch, from, count } of entries) {
    const next = records[index];
    if (next === undefined || next.batch !== batch || next.from + done !== from || done + count > next.count)
      return false;
    done += count;
    if (done === next.count) {
      index += 1;
      done = 0;
    }
  }
  return true;
}
