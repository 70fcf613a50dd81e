/**
 * Sequence checking of one stream as a pure function: no socket, no clock, no logger.
 *
 * A PUB socket delivers in order, so on a live stream a number that goes back means that the publisher has restarted
 * (or that several publishers share the key), never that a frame came late.
 */

import type { Observation, Range, Resumed, SequenceState, Step, Suspicion } from './sequence-state.ts';

/** How long evidence for several publishers under one key counts, and how long a stream must rise to leave `shared`. */
const sharedWindow = 60_000;
const backsOfShared = 3;
const advancesOfShared = 2;
/** A counter left behind that goes on within this distance is recognised: a few of its frames may have been lost. */
const recognisedJump = 8n;
const rememberedCounters = 8;

/** What one more frame means. `epochFloor`: a new epoch is higher than this (and than the stream's last). */
export function observe(state: SequenceState | undefined, seen: Observation, epochFloor = 0): Step {
  if (state === undefined) return begin(seen, Math.max(seen.receivedAt, epochFloor + 1));
  if (state.resumed !== null) return observeResumed(state, state.resumed, seen, epochFloor);
  if (seen.seq === null) return { verdict: { kind: 'pass', numbered: false }, state };
  return observeNumber(state, seen, seen.seq);
}

function observeNumber(state: SequenceState, seen: Observation, seq: bigint): Step {
  if (state.mode === 'shared') return observeShared(state, seen, seq);
  if (state.last === null) return renew(state, seen, seq, null);
  if (seq === state.last + 1n) {
    return { verdict: { kind: 'pass', numbered: true }, state: advanced(state, seq, seen.fingerprint) };
  }
  if (seq === state.last && seen.fingerprint === state.fingerprint) return { verdict: { kind: 'duplicate' }, state };
  return jump(state, seen, seq, state.last);
}

/** A new incarnation, found by asking its publisher: no frame of it was seen yet. */
export function restarted(state: SequenceState, now: number): Step {
  const lastSeq = state.resumed?.top?.seq ?? state.last;
  return {
    verdict: { kind: 'restart', previousEpoch: state.epoch, lastSeq, missing: null },
    state: {
      ...state,
      mode: 'numbered',
      epoch: Math.max(now, state.epoch + 1),
      last: null,
      fingerprint: null,
      suspicion: null,
      resumed: { top: null, opening: null },
    },
  };
}

function observeResumed(state: SequenceState, resumed: Resumed, seen: Observation, epochFloor: number): Step {
  const { seq } = seen;
  const { top } = resumed;
  if (seq === null) {
    // The bridge's own counter begins anew with each run, so it needs an epoch of its own.
    if (top === null) return begin(seen, Math.max(seen.receivedAt, state.epoch + 1, epochFloor + 1));
    return { verdict: { kind: 'pass', numbered: false }, state };
  }
  if (top !== null && seen.origin === 'live' && seq <= top.seq) {
    const isTop = seq === top.seq && seen.fingerprint === top.fingerprint;
    if (isTop && state.last === seq) return { verdict: { kind: 'duplicate' }, state };
    // The very batch that the furthest sink has; others lack it.
    if (!isTop) return renew({ ...state, last: top.seq, resumed: null }, seen, seq, missingBeginning(state.base, seq));
  }
  const step = state.last === null ? openResumed(state, resumed, seen, seq) : observeNumber(state, seen, seq);
  const isBehind = top !== null && seq < top.seq && step.state.epoch === state.epoch;
  return { ...step, state: { ...step.state, resumed: isBehind ? { top, opening: null } : null } };
}

/** The first number of an epoch that an earlier run began and that some sink holds nothing of. */
function openResumed(state: SequenceState, { top, opening }: Resumed, seen: Observation, seq: bigint): Step {
  const isStart = seq <= 1n;
  const next = { ...state, last: seq, fingerprint: seen.fingerprint, base: isStart ? seq : state.base };
  if (opening?.kind === 'start') {
    const missing = top !== null && seq > top.seq + 1n ? { from: top.seq + 1n, to: seq - 1n } : null;
    return { verdict: { kind: 'start', joined: isStart ? 'start' : 'late', missing }, state: next };
  }
  const missing = isStart ? null : { from: state.base ?? 0n, to: seq - 1n };
  if (opening !== null) return { verdict: { ...opening, missing }, state: next };
  return { verdict: missing === null ? { kind: 'pass', numbered: true } : { kind: 'gap', missing }, state: next };
}

function begin(seen: Observation, epoch: number): Step {
  const { fingerprint, receivedAt } = seen;
  const common = { epoch, fingerprint, suspicion: null, risingSince: receivedAt, resumed: null };
  if (seen.seq === null) {
    return {
      verdict: { kind: 'start', joined: 'unsequenced', missing: null },
      state: { ...common, mode: 'unsequenced', last: null, base: null },
    };
  }
  // Most engines count from 0; llm-d-inference-sim, Mooncake and the llm-d file-system backend from 1.
  const isStart = seen.seq <= 1n;
  return {
    verdict: { kind: 'start', joined: isStart ? 'start' : 'late', missing: null },
    state: { ...common, mode: 'numbered', last: seen.seq, base: isStart ? seen.seq : null },
  };
}

/** Whether a number one higher than the last is all that a frame needs to pass, so that several can be taken at once. */
export function isPlain(state: SequenceState | undefined): boolean {
  return state?.mode === 'numbered' && state.resumed === null;
}

/** Of a plain state: frames up to number `last` have passed; the fingerprint is that one's. Cheaper than a copy with changes. */
export function advanced(state: SequenceState, last: bigint, fingerprint: number): SequenceState {
  const { mode, epoch, base, suspicion, risingSince, resumed } = state;
  return { mode, epoch, last, fingerprint, base, suspicion, risingSince, resumed };
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
