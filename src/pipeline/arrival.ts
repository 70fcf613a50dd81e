import type { Frame } from '../core/frame.ts';
import type { StreamEntry } from './streams.ts';

/** Live frames come in order: one that a replay did not bring ends what it may repeat. */
export function wasReplayed(entry: StreamEntry, seq: bigint | null, fingerprint: number): boolean {
  if (entry.overlap === undefined || seq === null) return false;
  if (entry.overlap.takes(seq, fingerprint)) return true;
  entry.overlap.clear();
  entry.overlap = undefined;
  return false;
}

/** A publisher that dials in anew may have restarted: it is asked, once for each of its connections. */
export function noteConnection(entry: StreamEntry, { peer, connection }: Frame): void {
  if (connection === null) {
    entry.peer = peer ?? entry.peer;
    return;
  }
  if (entry.connection !== null && connection <= entry.connection) return;
  if (entry.connection === null) entry.firstConnection = connection;
  else entry.isUnchecked = true;
  entry.connection = connection;
  entry.peer = peer;
}

/** Beyond what may have come by replay: nothing of that comes live any more. */
export function leaveLate(entry: StreamEntry, seq: bigint | null): void {
  if (seq !== null && entry.lateUntil !== null && seq > entry.lateUntil) {
    entry.lateUntil = null;
    entry.lateBefore = null;
  }
}

/**
 * Whether this live batch is one that came by replay; `ts` is its publisher's own time. Not on another connection than the
 * first: that may be one of a new process, with another clock.
 */
export function isOlder(entry: StreamEntry, { connection }: Frame, seq: bigint | null, ts: number | null): boolean {
  const { lateUntil, lateBefore, state, firstConnection } = entry;
  if (lateUntil === null || lateBefore === null || seq === null || ts === null) return false;
  // Not where a sink still lacks it.
  return connection === firstConnection && seq <= lateUntil && ts <= lateBefore && (state?.last ?? -1n) >= seq;
}
