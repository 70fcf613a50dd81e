import type { Checkpoint, Position } from './checkpoint.ts';
import type { SeqRange, Stream } from './stream.ts';

/** `event`: one record per event; `batch`: one record per engine batch. Control records are the same in both. */
export type RecordForm = 'event' | 'batch';

/**
 * Ready records of one engine batch, or one control record: what lanes queue and sinks write.
 * Never changed after it was made: several lanes hold the same object.
 */
export interface RecordBatch {
  readonly stream: Stream;
  /** JSON documents back to back, each followed by one newline. */
  readonly bytes: Buffer;
  /** For each document the offset in `bytes` just after its newline; the document is `start .. end - 1`. */
  readonly ends: readonly number[];
  /** What these records account for; null for control records that stand for no batch (StreamStarted and the like). */
  readonly covers: SeqRange | null;
  /** What a sink holds of the stream once it holds this batch and everything before it. */
  readonly checkpoint: Checkpoint;
  /**
   * Position of what was emitted before this in the same stream; a sink that holds less lacks something. Null for the
   * first of a stream: whatever the sink holds is fine.
   */
  readonly follows: Position | null;
  /** Received frames that these records stand for: 1, or 0 for a control record (gaps included). */
  readonly frames: 0 | 1;
  /** Whether the frame came live or was sent again on request; of a control record, whatever led to it. */
  readonly origin: 'live' | 'replay';
  /** The engine's own time of the batch, milliseconds since 1970; null for control records and where there is none. */
  readonly engineTime: number | null;
  /** The bridge's clock on receipt, milliseconds since 1970. */
  readonly receivedAt: number;
}

/** The n-th document of a batch without its newline; a view, not a copy. */
export function recordAt(batch: RecordBatch, index: number): Buffer {
  const start = index === 0 ? 0 : (batch.ends[index - 1] ?? 0);
  return batch.bytes.subarray(start, (batch.ends[index] ?? start + 1) - 1);
}
