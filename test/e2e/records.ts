import { readFileSync } from 'node:fs';
import type { TruthLine } from '../../src/simulator/truth.ts';
import { assertRecord } from '../support/schema.ts';

/** What tests read of a record. */
export interface StoredRecord {
  readonly type: string;
  readonly id: string;
  readonly stream: string;
  readonly topic: string;
  readonly epoch: number;
  readonly seq: string | null;
  readonly index: number | null;
  readonly count: number | null;
  readonly ts: number | null;
  readonly data_parallel_rank?: number | string | null;
  readonly event?: Readonly<Record<string, unknown>>;
  readonly from_seq?: string;
  readonly to_seq?: string;
}

/** Parses what a sink holds; every record must keep the published schema. */
export function parseRecords(documents: readonly string[]): StoredRecord[] {
  return documents.map((text) => {
    const record: unknown = JSON.parse(text);
    assertRecord(record);
    return record as StoredRecord;
  });
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** The truth file of `simulate --truth`, which may still grow: its last line counts once it is whole. */
export function readTruth(file: string): TruthLine[] {
  const text = readFileSync(file, 'utf8');
  return linesOf(text.slice(0, text.lastIndexOf('\n') + 1)).map((line) => JSON.parse(line) as TruthLine);
}

/**
 * Without the records that an at-least-once sink got twice. Throws when a repeated id stands for something else, or when
 * a record comes before one of its stream that it must follow.
 */
export function withoutRepeats(records: readonly StoredRecord[]): { unique: StoredRecord[]; repeated: number } {
  const seen = new Map<string, string>();
  const unique = records.filter((record) => {
    const text = JSON.stringify(record);
    const before = seen.get(record.id);
    if (before !== undefined && before !== text)
      throw new Error(`${record.id} stands for two things: ${before} ${text}`);
    seen.set(record.id, text);
    return before === undefined;
  });
  return { unique, repeated: records.length - unique.length };
}
