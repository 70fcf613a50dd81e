import { decodePayload } from '../wire/decode.ts';
import { fingerprintOf } from './fingerprint.ts';

/** What is remembered of a batch to recognise it when its publisher sends that number again. */
export interface Sighting {
  /** Fingerprint of the payload; null where only the time is known. */
  readonly hash: number | null;
  /** The engine's own `ts` as sent. */
  readonly ts: number | null;
}

/** Whether this payload is that batch; null where that cannot be said. */
export function isSame(payload: Buffer, { hash, ts }: Sighting): boolean | null {
  if (hash !== null) return fingerprintOf(payload) === hash;
  if (ts === null) return null;
  const decoded = decodePayload(payload);
  return decoded.ok ? decoded.batch.ts === ts : null;
}

export function sightingOf(payload: Buffer): Sighting {
  return { hash: fingerprintOf(payload), ts: null };
}
