/**
 * Sequence checking of one stream as a pure function: no socket, no clock, no logger.
 *
 * A PUB socket delivers in order, so on a live stream a number that goes back means that the publisher has restarted
 * (or that several publishers share the key), never that a frame came late.
 */

/** How long evidence for several publishers under one key counts, and how long a stream must rise to leave `shared`. */
const sharedWindow = 60_000;
const backsOfShared = 3;
const advancesOfShared = 2;
/** A counter left behind that goes on within this distance is recognised: a few of its frames may have been lost. */
const recognisedJump = 8n;
const rememberedCounters = 8;

/** A counter that the stream has jumped away from; another publisher's, if it goes on. */
interface LeftCounter {
  readonly seq: bigint;
  readonly at: number;
}

/** Evidence for several publishers under one key; times in ms. Absent on the usual stream. */
interface Suspicion {
  readonly left: readonly LeftCounter[];
  readonly backs: readonly number[];
  readonly advances: readonly number[];
}

export interface SequenceState {
  readonly mode: 'numbered' | 'unsequenced' | 'shared';
  readonly epoch: number;
  /** Last number seen; null in mode `unsequenced`. */
  readonly last: bigint | null;
  /** Of the payload that carried `last`. */
  readonly fingerprint: number;
  /** The number this publisher begins with, where a start was seen: 0 or 1. */
  readonly base: bigint | null;
  readonly suspicion: Suspicion | null;
  /** In mode `shared`: since when the numbers only rise. */
  readonly risingSince: number;
}

export interface Observation {
  /** Null: the frame has no number. */
  readonly seq: bigint | null;
  /** Hash of the payload: tells a repeated frame from another one with the same number. */
  readonly fingerprint: number;
  /** The bridge's clock, ms. */
  readonly receivedAt: number;
}

interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

export type Verdict =
  /** The first frame of the stream. */
  | { readonly kind: 'start'; readonly joined: 'start' | 'late' | 'unsequenced' }
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

/** What one more live frame means. `epochFloor`: a new epoch is higher than this (and than the stream's last). */
export function observe(state: SequenceState | undefined, seen: Observation, epochFloor = 0): Step {
  if (state === undefined) return begin(seen, Math.max(seen.receivedAt, epochFloor + 1));
  if (seen.seq === null) return { verdict: { kind: 'pass', numbered: false }, state };
  if (state.mode === 'shared') return observeShared(state, seen, seen.seq);
  if (state.last === null) return renew(state, seen, seen.seq, null);
  if (seen.seq === state.last + 1n) {
    return {
      verdict: { kind: 'pass', numbered: true },
      state: { ...state, last: seen.seq, fingerprint: seen.fingerprint },
    };
  }
  if (seen.seq === state.last && seen.fingerprint === state.fingerprint)
    return { verdict: { kind: 'duplicate' }, state };
  return jump(state, seen, seen.seq, state.last);
}

function begin(seen: Observation, epoch: number): Step {
  const common = { epoch, fingerprint: seen.fingerprint, suspicion: null, risingSince: seen.receivedAt };
  if (seen.seq === null) {
    return {
      verdict: { kind: 'start', joined: 'unsequenced' },
      state: { ...common, mode: 'unsequenced', last: null, base: null },
    };
  }
  // Most engines count from 0; llm-d-inference-sim, Mooncake and the llm-d file-system backend from 1.
  const isStart = seen.seq <= 1n;
  return {
    verdict: { kind: 'start', joined: isStart ? 'start' : 'late' },
    state: { ...common, mode: 'numbered', last: seen.seq, base: isStart ? seen.seq : null },
  };
}

/** A number that does not follow: forward over a hole, or back. */
function jump(state: SequenceState, seen: Observation, seq: bigint, last: bigint): Step {
  const wentBack = seq <= last;
  const suspicion = suspect(state.suspicion, { seq, last, at: seen.receivedAt, wentBack });
  if (wentBack && isShared(suspicion)) {
    return {
      verdict: { kind: 'shared' },
      state: { ...state, mode: 'shared', last: seq, suspicion: null, risingSince: seen.receivedAt },
    };
  }
  if (wentBack) return renew({ ...state, suspicion }, seen, seq, missingBeginning(state.base, seq));
  return {
    verdict: { kind: 'gap', missing: { from: last + 1n, to: seq - 1n } },
    state: { ...state, suspicion, last: seq, fingerprint: seen.fingerprint },
  };
}

function observeShared(state: SequenceState, seen: Observation, seq: bigint): Step {
  const rises = state.last === null || seq > state.last;
  if (rises && seen.receivedAt - state.risingSince >= sharedWindow) return renew(state, seen, seq, null);
  const risingSince = rises ? state.risingSince : seen.receivedAt;
  return { verdict: { kind: 'pass', numbered: false }, state: { ...state, last: seq, risingSince } };
}

/** A new incarnation under a higher epoch. */
function renew(state: SequenceState, seen: Observation, seq: bigint, missing: Range | null): Step {
  const startsAtOne = seq === 1n && state.base !== 0n;
  return {
    verdict: { kind: 'restart', previousEpoch: state.epoch, lastSeq: state.last, missing },
    state: {
      ...state,
      mode: 'numbered',
      epoch: Math.max(seen.receivedAt, state.epoch + 1),
      last: seq,
      fingerprint: seen.fingerprint,
      base: seq === 0n || startsAtOne ? seq : state.base,
    },
  };
}

/** A restarted publisher began at its base again; what came before the first number seen is missing. */
function missingBeginning(base: bigint | null, seq: bigint): Range | null {
  if (base === null && seq <= 1n) return null;
  const from = base ?? 0n;
  return seq > from ? { from, to: seq - 1n } : null;
}

interface Jump {
  readonly seq: bigint;
  readonly last: bigint;
  readonly at: number;
  readonly wentBack: boolean;
}

/** Remembers the counter left behind and notices when one that was left goes on. */
function suspect(before: Suspicion | null, { seq, last, at, wentBack }: Jump): Suspicion {
  const recent = (time: number) => at - time < sharedWindow;
  const left = (before?.left ?? []).filter((counter) => recent(counter.at));
  const resumed = left.findIndex((counter) => seq > counter.seq && seq <= counter.seq + recognisedJump);
  const others = left.filter((_, index) => index !== resumed);
  return {
    left: [...others, { seq: last, at }].slice(-rememberedCounters),
    backs: [...(before?.backs ?? []), ...(wentBack ? [at] : [])].filter(recent).slice(-backsOfShared),
    advances: [...(before?.advances ?? []), ...(resumed >= 0 ? [at] : [])].filter(recent).slice(-advancesOfShared),
  };
}

/** Restarts alone are no evidence: the counters that were left must go on, too. */
function isShared(suspicion: Suspicion): boolean {
  return suspicion.backs.length >= backsOfShared && suspicion.advances.length >= advancesOfShared;
}
