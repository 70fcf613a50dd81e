import type { TruthEvent } from './event.ts';

/** One line of the ground truth, in publishing order: what an engine did with one sequence number. */
export type TruthLine = PublishedLine | UnpublishedLine;

interface LineHead {
  readonly topic: string;
  /** Decimal. */
  readonly sequence: string;
  /** Counts the restarts of the engine before this line; absent before the first. */
  readonly incarnation?: number;
  /** Absent where batches name none on the wire. */
  readonly data_parallel_rank?: number;
}

export interface PublishedLine extends LineHead {
  readonly ts: number;
  /** A field stands here exactly when it is on the wire; null = explicit nil. */
  readonly events: readonly TruthEvent[];
}

/** A number that was used up without a batch. */
export interface UnpublishedLine extends LineHead {
  readonly unpublished: true;
}
