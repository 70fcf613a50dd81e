import type { RecordBatch } from '../../core/batch.ts';
import { apart, recordAt, startOf } from '../../core/batch.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';
import { deadLetterDocument } from '../../wire/dead-letter.ts';
import type { Call, Piece } from './draft.ts';
import { Draft, maxCallBytes, maxCallRecords } from './draft.ts';
import type { Keys } from './keys.ts';

export interface PlanOptions {
  readonly keys: Keys;
  readonly maxRecordBytes: number;
}

/** Cuts batches into calls of bounded size. Calls must be made one after the other: that is what keeps the order. */
export function planCalls(batches: readonly RecordBatch[], options: PlanOptions): Call[] {
  const calls: Call[] = [];
  let draft = new Draft(0);
  batches.forEach((batch, index) => {
    for (const piece of piecesOfAll(batch, options)) {
      if (!draft.hasRoomFor(piece)) {
        calls.push(draft.call());
        draft = new Draft(index);
      }
      draft.add(piece, index);
    }
  });
  if (!draft.isEmpty) calls.push(draft.call());
  return calls;
}

/**
 * Several frames together must not be divided among calls: what is there of them could not be told after a restart, since
 * the next run of the bridge may put them together in another way.
 */
function piecesOfAll(batch: RecordBatch, options: PlanOptions): readonly Piece[] {
  const pieces = piecesOf(batch, options);
  if (batch.frames <= 1 || pieces.length === 1) return pieces;
  return apart(batch).flatMap((frame) => piecesOf(frame, options));
}

/** All records of the batch in order, those that can never be written as dead letters. */
function piecesOf(batch: RecordBatch, options: PlanOptions): readonly Piece[] {
  const pieces: Piece[] = [];
  const target = options.keys.targetOf(batch.stream);
  let from = 0;
  for (let index = 0; index < batch.ends.length; index++) {
    // Not `recordAt`: a view for each record would be most of the work.
    const bytes = startOf(batch, index + 1) - 1 - startOf(batch, index);
    const refusal = target.ok ? sizeRefusal(bytes, options.maxRecordBytes) : target;
    if (refusal !== null) {
      if (target.ok && from < index) pieces.push(slice(batch, target.key, from, index));
      pieces.push(deadLetter(batch, index, { ...refusal, target: target.key }, options.keys.deadLetter));
      from = index + 1;
    } else if (index > from && isFull(batch, from, index + 1)) {
      pieces.push(slice(batch, target.key, from, index));
      from = index;
    }
  }
  const isEmpty = batch.ends.length === 0;
  const key = target.ok ? target.key : options.keys.deadLetter;
  if (isEmpty || from < batch.ends.length) pieces.push(slice(batch, key, from, batch.ends.length));
  return pieces;
}

type Refusal = Pick<DeadLetter, 'reason' | 'message'>;

function sizeRefusal(bytes: number, limit: number): Refusal | null {
  if (bytes <= limit) return null;
  return { reason: 'too_large', message: `the record has ${bytes} bytes, redis.maxRecordBytes is ${limit}` };
}

function isFull(batch: RecordBatch, from: number, to: number): boolean {
  return to - from > maxCallRecords || startOf(batch, to) - startOf(batch, from) > maxCallBytes;
}

function slice(batch: RecordBatch, key: string, from: number, to: number): Piece {
  const bytes = batch.bytes.subarray(startOf(batch, from), startOf(batch, to));
  return { batch, key, bytes, from, to, deadLetter: null };
}

function deadLetter(batch: RecordBatch, index: number, refusal: Refusal & { target: string }, key: string): Piece {
  const { reason, message, target } = refusal;
  const document = deadLetterDocument({ sink: 'redis', target, reason, message, record: recordAt(batch, index) });
  const bytes = Buffer.concat([document, Buffer.from('\n')]);
  return { batch, key, bytes, from: index, to: index + 1, deadLetter: reason };
}
