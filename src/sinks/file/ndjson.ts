import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BridgeError, messageOf } from '../../core/errors.ts';
import type { ReadingOptions, RecordReader, StoredRecord } from '../../core/record-reader.ts';
import { openReading, readMore } from './follower.ts';

/** Files of a folder that hold records, in the order of their names: that of segments is the order of writing. */
export async function listFiles(dir: string): Promise<string[]> {
  const names = (await readdir(dir)).filter(
    (name) => /\.(ndjson|jsonl)$/.test(name) && !name.startsWith('dead-letter'),
  );
  return names.sort().map((name) => join(dir, name));
}

/** Reads any files of JSON lines, as far as they go now; it never follows. */
export class NdjsonReader implements RecordReader {
  readonly #paths: readonly string[];

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  async *records({ signal, onProgress }: ReadingOptions): AsyncGenerator<StoredRecord> {
    const readings: { size: number; path: string }[] = [];
    for (const path of this.#paths) readings.push({ path, size: await sizeOf(path) });
    const total = readings.reduce((sum, { size }) => sum + size, 0);
    let before = 0;
    for (const { path, size } of readings) {
      const reading = await openReading(path);
      try {
        let count = 0;
        for await (const record of readMore(reading)) {
          if (signal.aborted) return;
          if (count++ % 1_000 === 0) onProgress?.(before + reading.position, total);
          yield record;
        }
      } finally {
        await reading.handle.close();
      }
      before += size;
      onProgress?.(before, total);
    }
  }

  async close(): Promise<void> {}
}

async function sizeOf(path: string): Promise<number> {
  try {
    const { handle } = await openReading(path);
    try {
      return (await handle.stat()).size;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new BridgeError('UNREADABLE', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
