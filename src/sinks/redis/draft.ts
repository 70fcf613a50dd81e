import type { RecordBatch } from '../../core/batch.ts';
import type { Position } from '../../core/checkpoint.ts';
import { spansOf } from '../../core/spans.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';

/** A script blocks Redis while it runs: about 10 ms for a full one. 1 MiB is the least that `proto-max-bulk-len` can be. */
export const maxCallRecords = 1_000;
export const maxCallBytes = 1_048_576;

/** Documents of one batch for one key, back to back: the records `from` to before `to`. */
export interface Piece {
  readonly batch: RecordBatch;
  readonly key: string;
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
  readonly deadLetter: DeadLetter['reason'] | null;
}

/** What one call appends of one batch. */
export interface Step {
  /** Number of its stream among `Call.shares`, from 1 as Lua counts. */
  readonly share: number;
  readonly batch: RecordBatch;
  readonly from: number;
  to: number;
  /** In order; `key`: number of the key among `Call.documents`, from 1. */
  readonly runs: { readonly key: number; readonly records: number }[];
}

/** What one call does for one stream. */
export interface Share {
  /** Id of the stream. */
  readonly stream: string;
  /** Must be there before its first batch. */
  readonly follows: Position | null;
  /** The last batch that is there as a whole after the call. */
  complete: RecordBatch | null;
  /** A batch that a later call completes. */
  begun: Step | null;
}

/** What one script call appends. */
export interface Call {
  /** Index of the batch that its first record belongs to: all earlier batches are written when its turn comes. */
  readonly firstBatch: number;
  /** Documents with their newlines, by key, in order, in as few pieces as they stand in. */
  readonly documents: ReadonlyMap<string, readonly Buffer[]>;
  readonly shares: readonly Share[];
  readonly steps: readonly Step[];
  /** Number of dead letters among the records, by reason. */
  readonly deadLetters: ReadonlyMap<DeadLetter['reason'], number>;
  /** Frames that they are from, by the index of their batch. */
  readonly refused: ReadonlyMap<number, ReadonlySet<RecordBatch>>;
}

const noLetters: Call['deadLetters'] = new Map();
const noneRefused: Call['refused'] = new Map();

/** One call while it is put together. */
export class Draft {
  readonly #firstBatch: number;
  readonly #keys = new Map<string, { readonly number: number; readonly pieces: Buffer[] }>();
  readonly #shares = new Map<string, { readonly number: number; readonly share: Share }>();
  readonly #steps: Step[] = [];
  /** Both are rarely needed, and a draft is made for every write. */
  #deadLetters: Map<DeadLetter['reason'], number> | null = null;
  #refused: Map<number, Set<RecordBatch>> | null = null;
  #records = 0;
  #bytes = 0;

  constructor(firstBatch: number) {
    this.#firstBatch = firstBatch;
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  /** A piece that is too large for any call goes alone. */
  hasRoomFor(piece: Piece): boolean {
    if (this.isEmpty) return true;
    return this.#records + weight(piece) <= maxCallRecords && this.#bytes + piece.bytes.length <= maxCallBytes;
  }

  /** `index`: of the batch among those to write. */
  add(piece: Piece, index: number): void {
    const step = this.#stepOf(piece);
    step.runs.push({ key: this.#keyOf(piece), records: piece.to - piece.from });
    step.to = piece.to;
    this.#records += weight(piece);
    this.#bytes += piece.bytes.length;
    if (piece.deadLetter === null) return;
    this.#deadLetters ??= new Map();
    this.#deadLetters.set(piece.deadLetter, (this.#deadLetters.get(piece.deadLetter) ?? 0) + 1);
    this.#refused ??= new Map();
    const frames = this.#refused.get(index) ?? new Set();
    this.#refused.set(index, frames.add(piece.batch));
  }

  call(): Call {
    const documents = new Map<string, readonly Buffer[]>();
    for (const [key, { pieces }] of this.#keys) documents.set(key, spansOf(pieces));
    for (const step of this.#steps) this.#note(step);
    return {
      firstBatch: this.#firstBatch,
      documents,
      shares: Array.from(this.#shares.values(), ({ share }) => share),
      steps: this.#steps,
      deadLetters: this.#deadLetters ?? noLetters,
      refused: this.#refused ?? noneRefused,
    };
  }

  #stepOf({ batch, from, to }: Piece): Step {
    const last = this.#steps.at(-1);
    if (last?.batch === batch) return last;
    const step = { share: this.#shareOf(batch), batch, from, to, runs: [] };
    this.#steps.push(step);
    return step;
  }

  #shareOf({ stream, follows }: RecordBatch): number {
    const known = this.#shares.get(stream.id);
    if (known !== undefined) return known.number;
    const number = this.#shares.size + 1;
    this.#shares.set(stream.id, { number, share: { stream: stream.id, follows, complete: null, begun: null } });
    return number;
  }

  #keyOf({ key, bytes }: Piece): number {
    const known = this.#keys.get(key);
    if (known !== undefined) {
      known.pieces.push(bytes);
      return known.number;
    }
    const number = this.#keys.size + 1;
    this.#keys.set(key, { number, pieces: [bytes] });
    return number;
  }

  #note(step: Step): void {
    const share = this.#shares.get(step.batch.stream.id)?.share;
    if (share === undefined) return;
    if (step.to === step.batch.ends.length) share.complete = step.batch;
    else share.begun = step;
  }
}

/** A batch without records moves its checkpoint all the same, and is not for nothing. */
function weight({ from, to }: Piece): number {
  return Math.max(1, to - from);
}
