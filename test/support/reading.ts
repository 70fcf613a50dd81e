import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ReadingOptions, RecordReader, StoredRecord } from '../../src/core/record-reader.ts';
import { waitUntil } from './wait.ts';

/** Everything that is there now. */
export async function readAll(
  reader: RecordReader,
  onProgress?: ReadingOptions['onProgress'],
): Promise<StoredRecord[]> {
  const { signal } = new AbortController();
  const records: StoredRecord[] = [];
  const options = { from: 'start', follow: false, signal, ...(onProgress && { onProgress }) } as const;
  for await (const record of reader.records(options)) records.push(record);
  return records;
}

/** A reader that follows, and what it has brought so far. */
export class Following {
  readonly texts: string[] = [];
  readonly #stop = new AbortController();
  readonly #over: Promise<void>;

  constructor(reader: RecordReader, from: 'start' | 'end') {
    this.#over = this.#read(reader, from);
    this.#over.catch(() => {});
  }

  /** Fails as soon as something else comes. */
  has(texts: readonly string[]): Promise<void> {
    return waitUntil(() => expect(this.texts).toEqual(texts));
  }

  /** It has looked at what is there: several times its longest pause. */
  async started(): Promise<void> {
    await sleep(500);
  }

  /** Resolves once it has ended, as the signal asks. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#over;
  }

  async #read(reader: RecordReader, from: 'start' | 'end'): Promise<void> {
    const { signal } = this.#stop;
    for await (const { text } of reader.records({ from, follow: true, signal })) this.texts.push(text);
  }
}
