import type { ReplayClient, ReplayedFrame } from '../core/replay.ts';
import type { Sighting } from './sighting.ts';
import { isSame } from './sighting.ts';

export interface SeamRequest {
  readonly endpoint: string;
  /** Batches that are known, by number. */
  readonly sightings: ReadonlyMap<bigint, Sighting>;
  readonly signal: AbortSignal;
}

/** One frame is all that is needed; the rest of the answer is not waited for. */
const maxBytes = 1;

/**
 * Asks a publisher for the newest batch that is known of it. False: it has another one under that number, or has not got
 * so far although it has sent something: it has restarted. Null where that cannot be said: it does not answer, has sent
 * nothing yet, or no longer has that batch.
 */
export async function isStillTheSame(request: SeamRequest, deps: { readonly client: ReplayClient }) {
  const { sightings } = request;
  const newest = [...sightings.keys()].reduce<bigint | null>(
    (max, seq) => (max !== null && max > seq ? max : seq),
    null,
  );
  const sighting = newest === null ? undefined : sightings.get(newest);
  if (newest === null || sighting === undefined) return null;
  const answer = await firstFrom(newest, request, deps.client);
  if (answer.frame?.seq === newest) return isSame(answer.frame.payload, sighting);
  if (answer.frame !== null || !answer.isWhole) return null;
  const oldest = await firstFrom(0n, request, deps.client);
  return oldest.frame !== null && oldest.frame.seq < newest ? false : null;
}

/** The first batch of an answer, null where it had none; `isWhole`: the publisher said that there is no more. */
async function firstFrom(from: bigint, { endpoint, signal }: SeamRequest, client: ReplayClient) {
  const enough = new AbortController();
  const abort = () => enough.abort();
  signal.addEventListener('abort', abort);
  let first: ReplayedFrame | null = null;
  try {
    const { end } = await client.attempt(endpoint, from, { maxBytes, signal: enough.signal }, (frame) => {
      first ??= frame;
      enough.abort();
    });
    return { frame: first as ReplayedFrame | null, isWhole: end === 'end' };
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
