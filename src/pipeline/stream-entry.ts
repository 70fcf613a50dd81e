import type { Checkpoint } from '../core/checkpoint.ts';
import type { Frame } from '../core/frame.ts';
import type { Stream } from '../core/stream.ts';
import type { Overlap } from './overlap.ts';
import type { RecentControls } from './recent-controls.ts';
import type { Resume } from './resume.ts';
import type { SequenceState } from './sequence-state.ts';
import type { Sighting } from './sighting.ts';
import { StreamTally } from './stream-tally.ts';

/** What the bridge keeps of one stream. */
export interface StreamEntry {
  readonly stream: Stream;
  readonly tally: StreamTally;
  /** Where its control records are shown, with those of all other streams. */
  readonly controls: RecentControls;
  /** Undefined until its first frame was observed. */
  state: SequenceState | undefined;
  /** The bridge's own numbers (`n0`, `n1`, ...) for frames without a usable one. */
  nextOrdinal: bigint;
  /** Of the last records that were emitted; null before the first. */
  checkpoint: Checkpoint | null;
  touchedAt: number;
  /** Address of its publisher, as its last frame has shown it; null where that is not known. */
  peer: string | null;
  /** The newest connection that it came through, and the first one. */
  connection: number | null;
  firstConnection: number | null;
  /** A readable payload has named its rank. */
  isRankKnown: boolean;
  /**
   * At the next live frame its publisher has to be asked whether it is still the same: after a restart of the bridge, or
   * where it could not say so when it was asked.
   */
  isUnchecked: boolean;
  /** How often in a row it could not say so. */
  unproven: number;
  /** Its connection was lost and is back while its live frames are held: it has to be asked once that is over. */
  isDisturbed: boolean;
  /** Batches of this epoch that an earlier run has seen; they show whether its publisher is still the same. */
  sightings: ReadonlyMap<bigint, Sighting>;
  /**
   * Up to here numbers may have come by replay, in this run or an earlier one, and may still come live: they wait at the
   * publisher. Null once a live one is beyond.
   */
  lateUntil: bigint | null;
  /**
   * Set where such a number came and its publisher can no longer be asked: batches up to this time of its own clock are those
   * that came by replay. One that began anew is later than that, as far as clocks are right.
   */
  lateBefore: number | null;
  /** Replayed batches that may come live as well. */
  overlap: Overlap | undefined;
  /** Live frames that wait while a gap before them is being filled; undefined when nothing is. */
  held: HeldFrames | undefined;
}

/** Live frames of one stream in order, as copies. */
export interface HeldFrames {
  readonly frames: Frame[];
  /** Resolves when the stream is live again. */
  readonly released: Promise<void>;
}

export interface EntryParts {
  readonly resume: Resume | undefined;
  readonly controls: RecentControls;
}

/** As a new stream, or where an earlier run of the bridge has left it; `now` in ms. */
export function entryOf(stream: Stream, { resume, controls }: EntryParts, now: number): StreamEntry {
  const common = {
    stream,
    tally: new StreamTally(),
    controls,
    touchedAt: now,
    peer: stream.host,
    connection: null,
    firstConnection: null,
    isRankKnown: false,
    lateBefore: null,
    isDisturbed: false,
    unproven: 0,
    overlap: undefined,
    held: undefined,
  };
  if (resume === undefined) {
    const fresh = { state: undefined, nextOrdinal: 0n, checkpoint: null, isUnchecked: false, lateUntil: null };
    return { ...common, ...fresh, sightings: new Map() };
  }
  return {
    ...common,
    state: resumedState(resume, now),
    // Beyond whatever an earlier run can have counted.
    nextOrdinal: BigInt(Math.max(now - resume.epoch, 0)) * 1_000n,
    checkpoint: resume.lowest,
    isUnchecked: true,
    lateUntil: resume.furthest.position.seq,
    sightings: resume.sightings,
  };
}

function resumedState({ epoch, lowest, furthest, opening }: Resume, now: number): SequenceState {
  const { seq } = furthest.position;
  return {
    mode: 'numbered',
    epoch,
    last: lowest?.position.seq ?? null,
    fingerprint: lowest?.hash ?? null,
    base: null,
    suspicion: null,
    risingSince: now,
    resumed: { top: seq === null ? null : { seq, fingerprint: furthest.hash }, opening },
  };
}
