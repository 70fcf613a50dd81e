import type { Checkpoint, Position } from './checkpoint.ts';
import type { RecordMemory } from './memory.ts';
import type { SeqRange, Stream } from './stream.ts';

/** `event`: one record per event; `batch`: one record per engine batch. Control records are the same in both. */
export type RecordForm = 'event' | 'batch';

/**
 * Ready records of one engine batch, of several consecutive ones of a stream that were received together, or one control
 * record: what lanes queue and sinks write.
 * Never changed after it was made: several lanes hold the same object.
 */
export interface RecordBatch {
  readonly stream: Stream;
  /** JSON documents back to back, each followed by one newline. */
  readonly bytes: Buffer;
  /** For each document the offset in `bytes` just after its newline; the document is `start .. end - 1`. */
  readonly ends: readonly number[];
  /** What `bytes` stands in; null where it is memory of its own. Whoever reads it after the call that brought it holds it. */
  readonly memory: RecordMemory | null;
  /** What these records account for; null for control records that stand for no batch (StreamStarted and the like). */
  readonly covers: SeqRange | null;
  /** What a sink holds of the stream once it holds this batch and everything before it. */
  readonly checkpoint: Checkpoint;
  /**
   * Position of what was emitted before this in the same stream; a sink that holds less lacks something. Null for the
   * first of a stream: whatever the sink holds is fine.
   */
  readonly follows: Position | null;
  /** Received frames that these records stand for, of consecutive numbers; 0 for a control record (gaps included). */
  readonly frames: number;
  /** With several frames: for each, how many records there are up to its last one. Null otherwise. */
  readonly frameEnds: readonly number[] | null;
  /** Whether the frame came live or was sent again on request; of a control record, whatever led to it. */
  readonly origin: 'live' | 'replay';
  /**
   * The engine's own time of the batch, of several the first one's, milliseconds since 1970; null for control records and
   * where there is none.
   */
  readonly engineTime: number | null;
  /** The bridge's clock on receipt, milliseconds since 1970. */
  readonly receivedAt: number;
}

/** Documents back to back, each with one byte behind it that is no part of it. */
export type Documents = Pick<RecordBatch, 'bytes' | 'ends'>;

/** Where the n-th document begins: the offset just after the first `index` of them. */
export function startOf({ ends }: Pick<Documents, 'ends'>, index: number): number {
  return index === 0 ? 0 : (ends[index - 1] ?? 0);
}

/** The n-th document without its newline; a view, not a copy. */
export function recordAt(documents: Documents, index: number): Buffer {
  const start = startOf(documents, index);
  return documents.bytes.subarray(start, (documents.ends[index] ?? start + 1) - 1);
}

/** Which of its frames the n-th record of a batch is of, from 0. */
export function frameOf({ frameEnds }: RecordBatch, index: number): number {
  return frameEnds === null ? 0 : frameEnds.findIndex((end) => index < end);
}

/** The frames of a batch from the n-th on, behind what a destination holds already: `follows`. */
export function framesFrom(batch: RecordBatch, first: number, follows: Position): RecordBatch {
  const { frameEnds, covers, bytes, ends } = batch;
  if (first === 0 || frameEnds === null || covers === null) return { ...batch, follows };
  const records = frameEnds[first - 1] ?? 0;
  const start = ends[records - 1] ?? 0;
  const rest = frameEnds.slice(first).map((end) => end - records);
  return {
    ...batch,
    bytes: bytes.subarray(start),
    ends: ends.slice(records).map((end) => end - start),
    covers: { ...covers, from: covers.from + BigInt(first) },
    follows,
    frames: rest.length,
    frameEnds: rest.length > 1 ? rest : null,
  };
}

/**
 * Each frame of a batch by itself, for whoever cannot write all of them together. What the publisher is recognised by is
 * known of the last one only.
 */
export function apart(batch: RecordBatch): readonly RecordBatch[] {
  const { frames, frameEnds, covers } = batch;
  if (frameEnds === null || covers === null) return [batch];
  const all: RecordBatch[] = [];
  let rest = batch;
  for (let frame = 0; frame < frames - 1; frame += 1) {
    const position = { epoch: covers.epoch, seq: covers.from + BigInt(frame), sub: 0 };
    const records = rest.frameEnds?.[0] ?? 0;
    const end = rest.ends[records - 1] ?? 0;
    all.push({
      ...rest,
      bytes: rest.bytes.subarray(0, end),
      ends: rest.ends.slice(0, records),
      covers: { ...covers, from: position.seq, to: position.seq },
      checkpoint: { position, ts: null, hash: null },
      frames: 1,
      frameEnds: null,
    });
    rest = framesFrom(rest, 1, position);
  }
  return [...all, rest];
}
