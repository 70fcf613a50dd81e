import type { RecordForm } from '../core/batch.ts';
import type { EventCounts } from '../core/observer.ts';
import type { Rank } from './decode.ts';
import type { Envelope } from './envelope.ts';
import type { Failure } from './message.ts';
import type { Rendered } from './records.ts';

/** One engine batch that could be read, whichever implementation has read it. */
export interface ReadBatch {
  /** As sent, in `tsUnit`; null where it is absent or no finite number. */
  readonly ts: number | null;
  readonly tsUnit: 's' | 'ms';
  readonly rank: Rank;
  /** Events that could be read. Only until the same transcoder reads the next message. */
  readonly counts: EventCounts;
  /** Of the events that could not be read. */
  readonly failures: readonly Failure[];
  /** The records of the batch. Only before the same transcoder reads the next message. */
  render(envelope: Envelope, form: RecordForm): Rendered;
  /**
   * The same, as the first of several batches whose records stand in one piece; null where that cannot be done. Nothing
   * else may be rendered before the run ends.
   */
  startRun(envelope: Envelope, form: RecordForm): Run | null;
}

/** What a run says of a batch that it has read itself. */
export type Appended = Pick<ReadBatch, 'counts' | 'ts'>;

/** Records of consecutive batches of one stream, back to back. */
export interface Run {
  /** Records so far. */
  readonly records: number;
  /** No more should be added. */
  readonly isFull: boolean;
  /**
   * Adds the batch that was read last, under the envelope of the first with the next number; false where that cannot be
   * done, and nothing is added then.
   */
  add(batch: ReadBatch): boolean;
  /**
   * Reads the payload of the next message and adds it in one go; null where that cannot be done: then it is for `read` and
   * `add`. Only until the next call.
   */
  append(payload: Buffer): Appended | null;
  end(): Rendered;
}

export type Reading =
  | { readonly ok: true; readonly batch: ReadBatch }
  | { readonly ok: false; readonly failure: Failure };

/** Reads the payloads of messages, one after the other. Never throws, on no input. */
export interface Transcoder {
  read(payload: Buffer): Reading;
}
