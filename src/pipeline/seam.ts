import type { ReplayClient } from '../core/replay.ts';
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
 * Asks a publisher for the newest batch that is known of it. False: it has another one under that number, so it has
 * restarted. Null where that cannot be said: it does not answer, no longer has that batch, or does not have it yet.
 */
export async function isStillTheSame(request: SeamRequest, deps: { readonly client: ReplayClient }) {
  const { endpoint, sightings, signal } = request;
  const newest = [...sightings.keys()].reduce<bigint | null>(
    (max, seq) => (max !== null && max > seq ? max : seq),
    null,
  );
  const sighting = newest === null ? undefined : sightings.get(newest);
  if (newest === null || sighting === undefined) return null;
  const enough = new AbortController();
  const abort = () => enough.abort();
  signal.addEventListener('abort', abort);
  let answer: boolean | null = null;
  try {
    await deps.client.attempt(endpoint, newest, { maxBytes, signal: enough.signal }, ({ seq, payload }) => {
      if (seq === newest) answer = isSame(payload, sighting);
      enough.abort();
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
  return answer as boolean | null;
}
