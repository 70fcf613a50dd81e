import type { RecordBatch } from '../../core/batch.ts';
import type { Position } from '../../core/checkpoint.ts';
import { spansOf } from '../../core/spans.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';
import { Numbering } from './numbering.ts';

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
  /** In order; `key`: number of the key among `Call.keys`, from 1. */
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
  readonly keys: readonly string[];
  /** For each key documents with their newlines, in order, in as few pieces as they stand in. */
  readonly documents: readonly (readonly Buffer[])[];
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
  readonly #keys = new Numbering();
  /** For each key. */
  readonly #pieces: Buffer[][] = [];
  readonly #streams = new Numbering();
  /** For each stream. */
  readonly #shares: Share[] = [];
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
    for (const step of this.#steps) this.#note(step);
    return {
      firstBatch: this.#firstBatch,
      keys: this.#keys.names,
      documents: this.#pieces.map((pieces) => (pieces.length === 1 ? pieces : spansOf(pieces))),
      shares: this.#shares,
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
    const known = this.#streams.numberOf(stream.id);
    if (known !== undefined) return known;
    this.#shares.push({ stream: stream.id, follows, complete: null, begun: null });
    return this.#streams.add(stream.id);
  }

  #keyOf({ key, bytes }: Piece): number {
    const known = this.#keys.numberOf(key);
    if (known !== undefined) {
      this.#pieces[known - 1]?.push(bytes);
      return known;
    }
    this.#pieces.push([bytes]);
    return this.#keys.add(key);
  }

  #note(step: Step): void {
    const share = this.#shares[step.share - 1];
    if (share === undefined) return;
    if (step.to === step.batch.ends.length) share.complete = step.batch;
    else share.begun = step;
  }
}

/** A batch without records moves its checkpoint all the same, and is not for nothing. */
function weight({ from, to }: Piece): number {
  return Math.max(1, to - from);
}
