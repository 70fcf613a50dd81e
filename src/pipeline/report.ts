import type { Observe } from '../core/observer.ts';
import type { ReadBatch } from '../wire/reading.ts';
import type { Verdict } from './sequence-state.ts';
import type { StreamEntry, StreamTable } from './streams.ts';

/** Says what a frame has shown about its stream; `reason` is that of a gap. */
export function reportVerdict(
  { observe, streams }: { readonly observe: Observe; readonly streams: StreamTable },
  { stream }: StreamEntry,
  verdict: Verdict,
  reason: string,
): void {
  // Nearly always.
  if (verdict.kind === 'pass') return;
  const where = { source: stream.source, stream: stream.id };
  if (verdict.kind === 'start') {
    observe({ fact: 'stream-started', ...where, joined: verdict.joined, streams: streams.size });
  }
  if (verdict.kind === 'restart') observe({ fact: 'stream-restarted', ...where, lastSeq: verdict.lastSeq });
  const missing = 'missing' in verdict ? verdict.missing : null;
  if (missing !== null) observe({ fact: 'stream-gap', ...where, ...missing, reason });
}

export function reportShared(observe: Observe, { stream }: StreamEntry, shared: boolean): void {
  observe({ fact: 'stream-shared', source: stream.source, stream: stream.id, shared });
}

export function reportBatch(observe: Observe, { stream: { id, source } }: StreamEntry, batch: ReadBatch): void {
  for (const { reason } of batch.failures) observe({ fact: 'undecodable', source, stream: id, reason });
  observe({ fact: 'batch-accepted', source, batches: 1, events: batch.counts });
}
