import type { EventCounts, Observe } from '../core/observer.ts';
import { engineTimeOf } from './emission.ts';
import type { Arrival } from './passage.ts';
import type { Placed } from './run.ts';
import type { Verdict } from './sequence-state.ts';
import type { StreamEntry, StreamTable } from './streams.ts';

/** Says what a frame has shown about its stream; `reason` is that of a gap. */
export function reportVerdict(
  { observe, streams }: { readonly observe: Observe; readonly streams: StreamTable },
  { stream, tally }: StreamEntry,
  verdict: Verdict,
  reason: string,
): void {
  // Nearly always.
  if (verdict.kind === 'pass') return;
  const where = { source: stream.source, stream: stream.id };
  if (verdict.kind === 'start') {
    observe({ fact: 'stream-started', ...where, joined: verdict.joined, streams: streams.size });
  }
  if (verdict.kind === 'restart') {
    tally.restart();
    observe({ fact: 'stream-restarted', ...where, lastSeq: verdict.lastSeq });
  }
  const missing = 'missing' in verdict ? verdict.missing : null;
  if (missing === null) return;
  tally.gap(missing.to - missing.from + 1n);
  observe({ fact: 'stream-gap', ...where, ...missing, reason });
}

export function reportShared(observe: Observe, { stream }: StreamEntry, shared: boolean): void {
  observe({ fact: 'stream-shared', source: stream.source, stream: stream.id, shared });
}

export function reportBatch(observe: Observe, { arrival, entry, batch }: Omit<Placed, 'place'>): void {
  for (const { reason } of batch.failures) reportUndecodable(observe, arrival, entry, reason);
  reportBatches(observe, { arrival, entry, batch }, { frames: 1, counts: batch.counts });
}

/** `batch`: the first of those that were received together. */
export function reportBatches(
  observe: Observe,
  { arrival: { frame, passage }, entry, batch }: Omit<Placed, 'place'>,
  { frames, counts }: { readonly frames: number; readonly counts: EventCounts },
): void {
  entry.tally.add(frames, counts);
  const { source, endpoint, receivedAt } = frame;
  const engineTime = passage.origin === 'live' ? engineTimeOf(batch) : null;
  observe({ fact: 'batch-accepted', source, endpoint, batches: frames, events: counts, at: receivedAt, engineTime });
}

export function reportUndecodable(observe: Observe, arrival: Arrival, entry: StreamEntry, reason: string): void {
  const { source, endpoint } = arrival.frame;
  entry.tally.undecodable += 1;
  observe({ fact: 'undecodable', source, endpoint, stream: entry.stream.id, reason });
}

export function reportDuplicate(observe: Observe, arrival: Arrival, entry: StreamEntry): void {
  const { source, endpoint } = arrival.frame;
  entry.tally.duplicates += 1;
  observe({ fact: 'duplicate', source, endpoint, stream: entry.stream.id, seq: arrival.seq ?? 0n });
}

/** Its publisher was found to be another incarnation by asking it. */
export function reportRestart(observe: Observe, { stream, tally }: StreamEntry, lastSeq: bigint | null): void {
  tally.restart();
  observe({ fact: 'stream-restarted', source: stream.source, stream: stream.id, lastSeq });
}
