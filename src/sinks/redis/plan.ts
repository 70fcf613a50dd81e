import type { RecordBatch } from '../../core/batch.ts';
import { recordAt } from '../../core/batch.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';
import { deadLetterDocument } from '../../wire/dead-letter.ts';
import type { Keys } from './keys.ts';

/** A script blocks Redis while it runs: about 10 ms for a full one. 1 MiB is the least that `proto-max-bulk-len` can be. */
const maxCallRecords = 1_000;
const maxCallBytes = 1_048_576;

/** What one script call appends. */
export interface Call {
  /** Index of the batch that its first record belongs to: all earlier batches are written when its turn comes. */
  readonly firstBatch: number;
  /** Documents with their newlines, by key, in order. */
  readonly documents: ReadonlyMap<string, Buffer>;
  /** Number of dead letters among them, by reason. */
  readonly deadLetters: ReadonlyMap<DeadLetter['reason'], number>;
}

/** Documents of one batch for one key, back to back. */
interface Piece {
  readonly key: string;
  readonly bytes: Buffer;
  readonly records: number;
  readonly deadLetter: DeadLetter['reason'] | null;
}

export interface PlanOptions {
  readonly keys: Keys;
  readonly maxRecordBytes: number;
}

/** Cuts batches into calls of bounded size. Calls must be made one after the other: that is what keeps the order. */
export function* planCalls(batches: readonly RecordBatch[], options: PlanOptions): Generator<Call> {
  let draft = new Draft(0);
  for (const [index, batch] of batches.entries()) {
    for (const piece of piecesOf(batch, options)) {
      if (!draft.hasRoomFor(piece)) {
        yield draft.call();
        draft = new Draft(index);
      }
      draft.add(piece);
    }
  }
  if (!draft.isEmpty) yield draft.call();
}

class Draft {
  readonly #firstBatch: number;
  readonly #pieces = new Map<string, Buffer[]>();
  readonly #deadLetters = new Map<DeadLetter['reason'], number>();
  #records = 0;
  #bytes = 0;

  constructor(firstBatch: number) {
    this.#firstBatch = firstBatch;
  }

  get isEmpty(): boolean {
    return this.#records === 0;
  }

  /** A piece that is too large for any call goes alone. */
  hasRoomFor(piece: Piece): boolean {
    if (this.isEmpty) return true;
    return this.#records + piece.records <= maxCallRecords && this.#bytes + piece.bytes.length <= maxCallBytes;
  }

  add({ key, bytes, records, deadLetter }: Piece): void {
    const pieces = this.#pieces.get(key);
    if (pieces === undefined) this.#pieces.set(key, [bytes]);
    else pieces.push(bytes);
    this.#records += records;
    this.#bytes += bytes.length;
    if (deadLetter !== null) this.#deadLetters.set(deadLetter, (this.#deadLetters.get(deadLetter) ?? 0) + records);
  }

  call(): Call {
    const documents = new Map<string, Buffer>();
    for (const [key, pieces] of this.#pieces) documents.set(key, joined(pieces));
    return { firstBatch: this.#firstBatch, documents, deadLetters: this.#deadLetters };
  }
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
}

function* piecesOf(batch: RecordBatch, options: PlanOptions): Generator<Piece> {
  const target = options.keys.targetOf(batch.stream);
  let from = 0;
  for (let index = 0; index < batch.ends.length; index++) {
    // Not `recordAt`: a view for each record would be most of the work.
    const bytes = endOf(batch, index + 1) - 1 - endOf(batch, index);
    const refusal = target.ok ? sizeRefusal(bytes, options.maxRecordBytes) : target;
    if (refusal !== null) {
      if (target.ok && from < index) yield slice(batch, target.key, from, index);
      yield deadLetter(options.keys.deadLetter, { ...refusal, target: target.key }, recordAt(batch, index));
      from = index + 1;
    } else if (index > from && isFull(batch, from, index + 1)) {
      yield slice(batch, target.key, from, index);
      from = index;
    }
  }
  if (from < batch.ends.length) yield slice(batch, target.key, from, batch.ends.length);
}

type Refusal = Pick<DeadLetter, 'reason' | 'message'>;

function sizeRefusal(bytes: number, limit: number): Refusal | null {
  if (bytes <= limit) return null;
  return { reason: 'too_large', message: `the record has ${bytes} bytes, redis.maxRecordBytes is ${limit}` };
}

function isFull(batch: RecordBatch, from: number, to: number): boolean {
  return to - from > maxCallRecords || endOf(batch, to) - endOf(batch, from) > maxCallBytes;
}

/** Offset just after the first `count` documents. */
function endOf(batch: RecordBatch, count: number): number {
  return count === 0 ? 0 : (batch.ends[count - 1] ?? batch.bytes.length);
}

function slice(batch: RecordBatch, key: string, from: number, to: number): Piece {
  const bytes = batch.bytes.subarray(endOf(batch, from), endOf(batch, to));
  return { key, bytes, records: to - from, deadLetter: null };
}

function deadLetter(key: string, refusal: Refusal & { target: string }, record: Buffer): Piece {
  const { reason, message, target } = refusal;
  const document = deadLetterDocument({ sink: 'redis', target, reason, message, record });
  return { key, bytes: Buffer.concat([document, Buffer.from('\n')]), records: 1, deadLetter: reason };
}
