import { open } from 'node:fs/promises';
import type { Checkpoint } from '../../core/checkpoint.ts';
import { comparePositions } from '../../core/checkpoint.ts';
import type { Line } from './line.ts';
import { checkpointAfter, parseLine } from './line.ts';
import { linesIn } from './lines.ts';

export interface Scan {
  /** Of each stream that has a whole batch there: its last. */
  readonly streams: ReadonlyMap<string, Checkpoint>;
  /** The offset just after the last whole batch (or line that is none of ours). */
  readonly end: number;
  readonly size: number;
}

/**
 * Reads a segment from `from` on, where a batch must begin, and says where its streams then stand; `base` is where they
 * stood. With `stopAtHole` it ends at a line with zeros, which a power failure leaves where the system wrote a later
 * block first: whoever calls knows that nothing from `from` on was sure to be on the disk.
 */
export async function scanSegment(
  path: string,
  from: number,
  base: ReadonlyMap<string, Checkpoint>,
  stopAtHole: boolean,
): Promise<Scan> {
  const handle = await open(path, 'r');
  try {
    const follower = new Follower(from, base);
    for await (const { bytes, end } of linesIn(handle, from)) {
      if (stopAtHole && bytes.includes(0)) break;
      follower.take(parseLine(bytes.toString('utf8')), end);
    }
    return { streams: follower.streams, end: follower.end, size: (await handle.stat()).size };
  } finally {
    await handle.close();
  }
}

/** Puts lines together to batches and moves a stream only when its batch is whole: a kill may leave any part of one. */
class Follower {
  readonly streams = new Map<string, Checkpoint>();
  readonly #base: ReadonlyMap<string, Checkpoint>;
  #end: number;
  /** The batch that is still being read. */
  #open: { readonly first: Line; readonly start: number; missing: number } | null = null;

  constructor(start: number, base: ReadonlyMap<string, Checkpoint>) {
    this.#end = start;
    this.#base = base;
  }

  /** Where a batch that is not whole begins, or where the lines end. */
  get end(): number {
    return this.#open?.start ?? this.#end;
  }

  take(line: Line | null, end: number): void {
    const start = this.#end;
    this.#end = end;
    if (this.#open !== null && line !== null && continues(this.#open.first, line)) {
      this.#open.missing -= 1;
    } else {
      this.#open = line === null || line.lines === 0 ? null : { first: line, start, missing: line.lines - 1 };
    }
    if (this.#open?.missing === 0) {
      this.#move(this.#open.first);
      this.#open = null;
    }
  }

  #move(line: Line): void {
    const before = this.streams.get(line.stream) ?? this.#base.get(line.stream);
    const next = checkpointAfter(before, line);
    // An older version may have written a batch twice.
    if (before !== undefined && comparePositions(next.position, before.position) <= 0) return;
    this.streams.set(line.stream, next);
  }
}

/** Behind a `Batch` any event of the same batch belongs to it; behind an event each but the first, which begins it again. */
function continues(first: Line, line: Line): boolean {
  return line.batch === first.batch && line.index !== null && (first.index === null || line.index > 0);
}
