import type { RecordBatch } from '../core/batch.ts';
import type { Position } from '../core/checkpoint.ts';
import type { Stream } from '../core/stream.ts';
import type { StreamEntry } from './stream-entry.ts';

/** A batch, or what stands for some, that is not settled yet. */
export type Waiting = Pick<RecordBatch, 'stream' | 'follows' | 'receivedAt'>;

/** What a lane can say about itself; nothing of it is kept up to date while nobody asks. */
export interface LaneContents {
  /** In the order in which it will be settled, as far as one stream is concerned. */
  waiting(): Iterable<Waiting>;
  /** Up to where the sink holds a stream or is about to be given it; undefined where that is not known. */
  admitted(stream: Stream): Position | undefined;
  readonly gaps: LaneGaps;
}

/** How the streams stand in one lane, at one moment. */
export class LaneStanding {
  readonly #contents: LaneContents;
  /** Position before the first batch of a stream that waits. */
  readonly #before = new Map<string, Position | null>();

  constructor(contents: LaneContents) {
    this.#contents = contents;
    for (const { stream, follows } of contents.waiting()) {
      if (!this.#before.has(stream.id)) this.#before.set(stream.id, follows);
    }
  }

  /** The last position of a stream that the sink has settled; null before the first. */
  settled({ stream, checkpoint }: StreamEntry): Position | null {
    const before = this.#before.get(stream.id);
    if (before !== undefined) return before;
    return this.#contents.admitted(stream) ?? checkpoint?.position ?? null;
  }

  /** Whether there is any stream of which this sink alone lacks something. */
  get hasGaps(): boolean {
    return !this.#contents.gaps.isEmpty;
  }

  hasGap({ stream, state }: StreamEntry): boolean {
    return state !== undefined && this.#contents.gaps.has(stream, state.epoch);
  }
}

/** Streams of which this sink alone lacks something, by the epoch of the last such gap. */
export class LaneGaps {
  readonly #epochs = new Map<string, number>();
  readonly #maxStreams: number;

  constructor(maxStreams: number) {
    this.#maxStreams = maxStreams;
  }

  add({ id }: Stream, epoch: number): void {
    this.#epochs.set(id, epoch);
    const [oldest] = this.#epochs.keys();
    if (this.#epochs.size > this.#maxStreams && oldest !== undefined) this.#epochs.delete(oldest);
  }

  get isEmpty(): boolean {
    return this.#epochs.size === 0;
  }

  has({ id }: Stream, epoch: number): boolean {
    return this.#epochs.get(id) === epoch;
  }
}
