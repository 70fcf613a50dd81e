import type { AttemptEnd, ReplayClient, ReplayedFrame, ReplayTarget } from '../core/replay.ts';
import type { Sighting } from './sighting.ts';
import { isSame, sightingOf } from './sighting.ts';

/** One request within a range, and what is known when it is made. */
export interface AttemptRequest {
  readonly client: ReplayClient;
  readonly target: ReplayTarget;
  readonly maxBytes: number;
  /** The number behind the range; null where the range is open. */
  readonly behind: bigint | null;
  readonly known: ReadonlyMap<bigint, Sighting>;
  /** What came already. */
  readonly have: ReadonlyMap<bigint, ReplayedFrame>;
  /** The first number wanted, the last one, and the last of the hole at `next`; null: open. */
  readonly next: bigint;
  readonly to: bigint | null;
  readonly holeEnd: bigint | null;
  /** Whether the number before is left out, although it would show whose answer it is. */
  readonly missingOnly: boolean;
  readonly limit: AbortSignal;
}

export interface Attempt {
  readonly end: AttemptEnd;
  /**
   * `restarted`, `foreign`: a known number before or behind the range has another payload; `unproven`: no known number
   * was among the answers.
   */
  readonly origin: 'own' | 'restarted' | 'foreign' | 'unproven';
  readonly frames: ReadonlyMap<bigint, ReplayedFrame>;
}

/** Asks for one more than is missing where the number before is known: that shows whose replay it is. */
export async function attempt(request: AttemptRequest): Promise<Attempt> {
  const { client, target, maxBytes, known, next, holeEnd, behind } = request;
  const start = !request.missingOnly && next > 0n && known.has(next - 1n) ? next - 1n : next;
  const enough = new AbortController();
  const frames = new Map<bigint, ReplayedFrame>();
  let origin: Attempt['origin'] = 'unproven';
  const take = (frame: ReplayedFrame) => {
    const { seq } = frame;
    const same = recognise(request, frame);
    if (same === false) origin = behind !== null && seq >= behind ? 'foreign' : 'restarted';
    else if (origin === 'unproven' && same === true) origin = 'own';
    if (isWanted(request, seq) && !frames.has(seq)) frames.set(seq, frame);
    // Publishers send in order: what follows is there already, or was never missing.
    if (same === false || isPast(holeEnd, seq)) enough.abort();
  };
  const signal = AbortSignal.any([request.limit, enough.signal]);
  const { end } = await client.attempt(target, start, { maxBytes, signal }, take);
  return proven({ frames, origin, end: enough.signal.aborted ? 'end' : end }, request);
}

/**
 * Where no known number was among the answers, or one before the range was another batch, the number behind the range is
 * asked for: its publisher sent it, so that one who has nothing of the kind began anew meanwhile, or is not that one.
 */
async function proven(made: Attempt, request: AttemptRequest): Promise<Attempt> {
  const known = request.behind === null ? undefined : request.known.get(request.behind);
  const isOpen = made.origin === 'unproven' && made.frames.size > 0;
  if (!isOpen && made.origin !== 'restarted') return made;
  const origin = isOpen ? 'own' : made.origin;
  if (request.behind === null || known === undefined) return { ...made, origin };
  const isOurs = await hasBehind(request, request.behind, known);
  return { ...made, origin: isOurs === null ? 'unproven' : isOurs ? origin : 'foreign' };
}

async function hasBehind(request: AttemptRequest, behind: bigint, known: Sighting): Promise<boolean | null> {
  const { client, target, maxBytes } = request;
  const enough = new AbortController();
  let isOurs: boolean | null = null;
  const signal = AbortSignal.any([request.limit, enough.signal]);
  const { end } = await client.attempt(target, behind, { maxBytes, signal }, ({ seq, payload }) => {
    isOurs = seq !== behind || isSame(payload, known) !== false;
    enough.abort();
  });
  return isOurs === null && end === 'end' ? false : isOurs;
}

/** Null where this number is not known. */
function recognise({ have, known }: AttemptRequest, { seq, payload }: ReplayedFrame): boolean | null {
  const held = have.get(seq);
  const sighting = held === undefined ? known.get(seq) : sightingOf(held.payload);
  return sighting === undefined ? null : isSame(payload, sighting);
}

function isWanted({ have, next, to }: AttemptRequest, seq: bigint): boolean {
  return seq >= next && !isPast(to, seq) && !have.has(seq);
}

function isPast(end: bigint | null, seq: bigint): boolean {
  return end !== null && seq > end;
}
