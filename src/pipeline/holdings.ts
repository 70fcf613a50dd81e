import type { RecordBatch } from '../core/batch.ts';
import { framesFrom } from '../core/batch.ts';
import type { Checkpoint, Position } from '../core/checkpoint.ts';
import { comparePositions } from '../core/checkpoint.ts';
import type { Stream } from '../core/stream.ts';
import { renderControl } from '../wire/records.ts';

/** What becomes of a batch that is on its way to a sink. */
export interface Admission {
  /** What the sink lacks of it, a StreamGap in front where it lacks something before it as well; empty: it holds all. */
  readonly batches: readonly RecordBatch[];
  /** Numbers that the sink should hold and does not. */
  readonly missing: bigint;
}

/**
 * What one sink holds or is about to be given, by stream: a batch that it holds already is left out, and where it holds
 * less than what came before (a store that lost its data, or was away when the bridge started) that is put on record.
 */
export class Holdings {
  /** Last position of each stream, least recently used first. */
  #positions = new Map<string, Position>();
  readonly #maxStreams: number;

  constructor(maxStreams: number) {
    this.#maxStreams = maxStreams;
  }

  /** The sink has said what it holds. Streams that it has lost as a whole are known to have been there. */
  reset(held: ReadonlyMap<string, Checkpoint>): void {
    const lost = [...this.#positions].filter(([id]) => !held.has(id));
    this.#positions = new Map([...held].map(([id, { position }]) => [id, position]));
    for (const [id, { epoch }] of lost) this.#positions.set(id, { epoch, seq: null, sub: 0 });
  }

  /** Up to where the sink holds this stream or is about to be given it. */
  positionOf({ id }: Stream): Position | undefined {
    return this.#positions.get(id);
  }

  admit(batch: RecordBatch): Admission {
    const { id } = batch.stream;
    const { position } = batch.checkpoint;
    const held = this.#positions.get(id);
    if (held !== undefined && comparePositions(position, held) <= 0) return { batches: [], missing: 0n };
    this.#note(id, position);
    if (held === undefined || batch.follows === null) return { batches: [batch], missing: 0n };
    const ahead = comparePositions(held, batch.follows);
    if (ahead >= 0) return { batches: [rest(batch, held, ahead > 0)], missing: 0n };
    const gap = gapBehind(batch, held, batch.follows);
    // Only what has no number is lacking: that is no gap.
    if (gap === null) return { batches: [{ ...batch, follows: held }], missing: 0n };
    return { batches: [gap.batch, batch], missing: gap.missing };
  }

  #note(id: string, position: Position): void {
    this.#positions.delete(id);
    this.#positions.set(id, position);
    if (this.#positions.size <= this.#maxStreams) return;
    const [oldest] = this.#positions.keys();
    if (oldest !== undefined) this.#positions.delete(oldest);
  }
}

/**
 * A gap or a run of frames that the sink holds the beginning of is cut to what it lacks. `isAhead`: the sink holds more than
 * what the batch follows.
 */
function rest(batch: RecordBatch, held: Position, isAhead: boolean): RecordBatch {
  const { covers, frames } = batch;
  const isCut = covers?.epoch === held.epoch && held.seq !== null && held.seq >= covers.from;
  if (!isCut || covers === null || held.seq === null) return isAhead ? { ...batch, follows: held } : batch;
  if (frames > 0) return framesFrom(batch, Number(held.seq - covers.from) + 1, held);
  const { reason } = JSON.parse(batch.bytes.toString()) as { readonly reason: string };
  return gap(batch, { follows: held, from: held.seq + 1n, to: covers.to, reason, checkpoint: batch.checkpoint }).batch;
}

/** Stands for everything between what the sink holds and what came before this batch. */
function gapBehind(batch: RecordBatch, held: Position, follows: Position) {
  const from = held.epoch === follows.epoch && held.seq !== null ? held.seq + 1n : 0n;
  if (follows.seq === null || from > follows.seq) return null;
  const checkpoint = { position: follows, ts: null, hash: null };
  return gap(batch, { follows: held, from, to: follows.seq, reason: 'sink_behind', checkpoint });
}

interface Gap {
  readonly follows: Position;
  readonly from: bigint;
  readonly to: bigint;
  readonly reason: string;
  readonly checkpoint: Checkpoint;
}

function gap({ stream, receivedAt }: RecordBatch, { follows, from, to, reason, checkpoint }: Gap) {
  const { epoch } = checkpoint.position;
  const missing = to - from + 1n;
  const rendered = renderControl(
    { stream, topicSuffix: null, epoch, seq: from, ordinal: String(from), receivedAt, origin: 'live' },
    { type: 'StreamGap', from, to, missing, reason },
  );
  const covers = { epoch, from, to, numbered: true };
  const batch: RecordBatch = {
    ...{ stream, ...rendered, covers, checkpoint, follows, receivedAt },
    frames: 0,
    frameEnds: null,
    origin: 'live',
    engineTime: null,
  };
  return { batch, missing };
}
