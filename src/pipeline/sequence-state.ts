/** A counter that the stream has jumped away from; another publisher's, if it goes on. */
export interface LeftCounter {
  readonly seq: bigint;
  readonly at: number;
}

/** Evidence for several publishers under one key; times in ms. Absent on the usual stream. */
export interface Suspicion {
  readonly left: readonly LeftCounter[];
  readonly backs: readonly number[];
  readonly advances: readonly number[];
}

export interface SequenceState {
  readonly mode: 'numbered' | 'unsequenced' | 'shared';
  readonly epoch: number;
  /** Last number seen; null in mode `unsequenced`. */
  readonly last: bigint | null;
  /** Of the payload that carried `last`; null where it is not known. */
  readonly fingerprint: number | null;
  /** The number this publisher begins with, where a start was seen: 0 or 1. */
  readonly base: bigint | null;
  readonly suspicion: Suspicion | null;
  /** In mode `shared`: since when the numbers only rise. */
  readonly risingSince: number;
  /** Set while the stream goes on from checkpoints of an earlier run, until that is behind it. */
  readonly resumed: Resumed | null;
}

/** What an earlier run of the bridge has left behind it. */
export interface Resumed {
  /**
   * The furthest number that a sink holds; `last` is the least far, or null where one holds nothing of this epoch. Live
   * numbers up to here were received then: one that comes again is that of a new incarnation.
   */
  readonly top: { readonly seq: bigint; readonly fingerprint: number | null } | null;
  /** What a sink that holds nothing of this epoch still has to be told before its first number. */
  readonly opening: Opening | null;
}

export type Opening =
  | { readonly kind: 'start' }
  | { readonly kind: 'restart'; readonly previousEpoch: number; readonly lastSeq: bigint | null };

export interface Observation {
  /** Null: the frame has no number. */
  readonly seq: bigint | null;
  /** Hash of the payload: tells a repeated frame from another one with the same number. */
  readonly fingerprint: number;
  /** The bridge's clock, ms. */
  readonly receivedAt: number;
  /** A replayed frame is that of the known incarnation, which whoever asked for it has checked. */
  readonly origin: 'live' | 'replay';
}

export interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

export type Verdict =
  /** The first frame of the stream; `missing`: what came after the furthest that an earlier run knew. */
  | { readonly kind: 'start'; readonly joined: 'start' | 'late' | 'unsequenced'; readonly missing: Range | null }
  /** Pass it on; `numbered`: its number identifies it. */
  | { readonly kind: 'pass'; readonly numbered: boolean }
  | { readonly kind: 'gap'; readonly missing: Range }
  /** Drop it: the same number and payload again. */
  | { readonly kind: 'duplicate' }
  /** A new incarnation; `missing` is its beginning where that was not seen. */
  | {
      readonly kind: 'restart';
      readonly previousEpoch: number;
      readonly lastSeq: bigint | null;
      readonly missing: Range | null;
    }
  /** Several publishers under one key: from here on everything is passed on unchecked. */
  | { readonly kind: 'shared' };

export interface Step {
  readonly verdict: Verdict;
  readonly state: SequenceState;
}
