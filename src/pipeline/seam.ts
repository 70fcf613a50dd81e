import type { ReplayClient, ReplayedFrame, ReplayTarget } from '../core/replay.ts';
import type { Sighting } from './sighting.ts';
import { isSame } from './sighting.ts';

export interface SeamRequest {
  readonly target: ReplayTarget;
  /** Batches that are known, by number. */
  readonly sightings: ReadonlyMap<bigint, Sighting>;
  readonly signal: AbortSignal;
}

/** One frame is all that is needed; the rest of the answer is not waited for. */
const maxBytes = 1;

/**
 * What a publisher is to the batches that are known of it. `restarted`: it has another one under that number, or has not
 * got so far although it has sent something. `unknown`: it has sent nothing yet, or no longer has that batch.
 */
export type Seam = 'same' | 'restarted' | 'unknown' | 'unreachable';

/** Asks a publisher for the newest batch that is known of it. */
export async function seamOf(request: SeamRequest, deps: { readonly client: ReplayClient }): Promise<Seam> {
  const { sightings } = request;
  const newest = [...sightings.keys()].reduce<bigint | null>(
    (max, seq) => (max !== null && max > seq ? max : seq),
    null,
  );
  const sighting = newest === null ? undefined : sightings.get(newest);
  if (newest === null || sighting === undefined) return 'unknown';
  const { first, end } = await firstFrom(newest, request, deps.client);
  if (first?.seq === newest) {
    const same = isSame(first.payload, sighting);
    return same === null ? 'unknown' : same ? 'same' : 'restarted';
  }
  if (end === 'unreachable') return 'unreachable';
  if (first !== null || end !== 'end') return 'unknown';
  const oldest = (await firstFrom(0n, request, deps.client)).first;
  return oldest !== null && oldest.seq < newest ? 'restarted' : 'unknown';
}

/** The first batch of an answer, null where it had none, and how the answer ended. */
async function firstFrom(from: bigint, { target, signal }: SeamRequest, client: ReplayClient) {
  const enough = new AbortController();
  const abort = () => enough.abort();
  signal.addEventListener('abort', abort);
  let first: ReplayedFrame | null = null;
  try {
    const { end } = await client.attempt(target, from, { maxBytes, signal: enough.signal }, (frame) => {
      first ??= frame;
      enough.abort();
    });
    return { first: first as ReplayedFrame | null, end };
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
