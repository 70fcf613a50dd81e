import type { RecordBatch } from '../core/batch.ts';
import type { Checkpoint, Position } from '../core/checkpoint.ts';
import type { SeqRange, Stream } from '../core/stream.ts';
import { renderControl } from '../wire/records.ts';
import type { Waiting } from './lane-standing.ts';

interface Dropped {
  readonly stream: Stream;
  readonly covers: SeqRange;
  readonly batches: bigint;
  readonly receivedAt: number;
  /** Of the last and of the first batch dropped. */
  readonly checkpoint: Checkpoint;
  readonly follows: Position | null;
}

const control = { frames: 0, frameEnds: null, origin: 'live', engineTime: null } as const;

/** What a range costs in memory, about. */
const rangeBytes = 512;

/**
 * What a full lane dropped, as ranges per stream and epoch, until there is room to say it in the sink's own data. Control
 * records that no gap accounts for (StreamStarted, StreamRestarted, StreamShared) are kept in their place among them.
 */
export class Overflow {
  /** Last open range per stream. */
  readonly #open = new Map<string, Dropped>();
  /** Ranges that have ended and control records, in the order they came. */
  #closed: (Dropped | RecordBatch)[] = [];
  #keptBytes = 0;

  /** Notices that are due. */
  get size(): number {
    return this.#open.size + this.#closed.length;
  }

  /** Memory taken, about. */
  get bytes(): number {
    return this.size * rangeBytes + this.#keptBytes;
  }

  /** What has no notice in the lane yet, of each stream in order. */
  *pending(): Generator<Waiting> {
    yield* this.#closed;
    yield* this.#open.values();
  }

  /** Whether the batch is really dropped; false for a control record that is kept. */
  add(batch: RecordBatch): boolean {
    const { stream, covers, receivedAt, checkpoint, follows } = batch;
    const open = this.#open.get(stream.id);
    if (covers === null) {
      this.#end(open);
      this.#closed.push(batch);
      this.#keptBytes += batch.bytes.length;
      return false;
    }
    const batches = covers.to - covers.from + 1n;
    if (open && open.covers.epoch === covers.epoch && open.covers.numbered === covers.numbered) {
      const merged = { ...open.covers, to: covers.to };
      this.#open.set(stream.id, { ...open, covers: merged, batches: open.batches + batches, checkpoint });
      return true;
    }
    this.#end(open);
    this.#open.set(stream.id, { stream, covers, batches, receivedAt, checkpoint, follows });
    return true;
  }

  /** The StreamGap records for all that was dropped and the control records that were kept; empties this. */
  takeNotices(): RecordBatch[] {
    const notices = [...this.#closed, ...this.#open.values()].map((one) => ('bytes' in one ? one : notice(one)));
    this.#closed = [];
    this.#keptBytes = 0;
    this.#open.clear();
    return notices;
  }

  #end(open: Dropped | undefined): void {
    if (open === undefined) return;
    this.#closed.push(open);
    this.#open.delete(open.stream.id);
  }
}

/** Unnumbered streams: the numbers are the bridge's own, so the record says only how many batches are missing. */
function notice({ stream, covers, batches, receivedAt, checkpoint, follows }: Dropped): RecordBatch {
  const { epoch, from, to, numbered } = covers;
  const rendered = renderControl(
    {
      stream,
      topicSuffix: null,
      epoch,
      seq: numbered ? from : null,
      ordinal: numbered ? String(from) : `n${from}`,
      receivedAt,
      origin: 'live',
    },
    {
      type: 'StreamGap',
      from: numbered ? from : null,
      to: numbered ? to : null,
      missing: batches,
      reason: 'sink_overflow',
    },
  );
  return { stream, ...rendered, covers, checkpoint, follows, ...control, receivedAt };
}
