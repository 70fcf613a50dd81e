import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { BridgeError, messageOf } from '../../core/errors.ts';
import type { ReadingOptions, RecordReader, StoredRecord } from '../../core/record-reader.ts';
import type { SegmentFile } from './folder.ts';
import { listSegments } from './folder.ts';
import type { FileReading } from './follower.ts';
import { openReading, readMore, skipToEnd } from './follower.ts';
import { ifPresent } from './problem.ts';

/** How often a follower looks for more, ms. */
const pause = 100;

/** Reads the segments of a folder in order, beside the bridge that writes them: takes no lock. */
export class FolderReader implements RecordReader {
  readonly #dir: string;
  #isClosed = false;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async *records(options: ReadingOptions): AsyncGenerator<StoredRecord> {
    const segments = await this.#segments();
    if (options.follow) yield* this.#follow(segments, options);
    else if (options.from === 'start') yield* this.#readAll(segments, options);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** What is there now, and not a line more. */
  async *#readAll(segments: readonly SegmentFile[], { signal, onProgress }: ReadingOptions) {
    const total = segments.reduce((sum, { size }) => sum + size, 0);
    let before = 0;
    for (const { path, size } of segments) {
      const reading = await ifPresent(openReading(path));
      // Retention has deleted it meanwhile.
      if (reading === null) continue;
      try {
        let count = 0;
        for await (const record of readMore(reading, size)) {
          if (signal.aborted || this.#isClosed) return;
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

  async *#follow(segments: readonly SegmentFile[], { from, signal }: ReadingOptions): AsyncGenerator<StoredRecord> {
    const newest = segments.at(-1);
    let number = from === 'start' ? (segments[0]?.number ?? 0) : (newest?.number ?? 0);
    let skips = from === 'end' && newest !== undefined;
    while (!signal.aborted && !this.#isClosed) {
      const segment = (await this.#segments()).find((one) => one.number >= number);
      const reading = segment === undefined ? null : await ifPresent(openReading(segment.path));
      if (segment === undefined || reading === null) {
        await sleep(pause, undefined, { signal }).catch(() => {});
        continue;
      }
      try {
        if (skips && segment.number === newest?.number) await skipToEnd(reading);
        skips = false;
        yield* this.#untilSuccessor(reading, segment.number, signal);
      } finally {
        await reading.handle.close();
      }
      number = segment.number + 1;
    }
  }

  /** A segment that has a successor does not change any more: what it has then is read, and that is all. */
  async *#untilSuccessor(reading: FileReading, number: number, signal: AbortSignal): AsyncGenerator<StoredRecord> {
    for (;;) {
      const hasSuccessor = (await this.#segments()).some((one) => one.number > number);
      for await (const record of readMore(reading)) {
        if (signal.aborted || this.#isClosed) return;
        yield record;
      }
      if (hasSuccessor || signal.aborted || this.#isClosed) return;
      await sleep(pause, undefined, { signal }).catch(() => {});
    }
  }

  async #segments(): Promise<SegmentFile[]> {
    try {
      if ((await ifPresent(stat(this.#dir))) === null) throw missing(this.#dir);
      return await listSegments(this.#dir);
    } catch (error) {
      if (error instanceof BridgeError) throw error;
      const message = `file: ${this.#dir} cannot be read: ${messageOf(error)}; check the path and the rights of this user`;
      throw new BridgeError('UNREADABLE', message, { cause: error });
    }
  }
}

function missing(dir: string): BridgeError {
  return new BridgeError(
    'UNREADABLE',
    `file: there is no folder ${dir}; set file.dir to the one that the bridge writes`,
  );
}
