import type { RecordBatch } from '../core/batch.ts';
import type { SeqRange, Stream } from '../core/stream.ts';
import { renderControl } from '../wire/records.ts';

interface Dropped {
  readonly stream: Stream;
  readonly covers: SeqRange;
  readonly batches: bigint;
  readonly receivedAt: number;
}

/**
 * What a full lane dropped, as ranges per stream and epoch, until there is room to say it in the sink's own data.
 */
export class Overflow {
  /** Last open range per stream. */
  readonly #open = new Map<string, Dropped>();
  /** Ranges of earlier epochs, in the order they ended. */
  #closed: Dropped[] = [];

  /** Ranges kept; each is a few hundred bytes. */
  get size(): number {
    return this.#open.size + this.#closed.length;
  }

  add({ stream, covers, receivedAt }: RecordBatch): void {
    if (covers === null) return;
    const open = this.#open.get(stream.id);
    const batches = covers.to - covers.from + 1n;
    if (open && open.covers.epoch === covers.epoch && open.covers.numbered === covers.numbered) {
      const merged = { ...open.covers, to: covers.to };
      this.#open.set(stream.id, { ...open, covers: merged, batches: open.batches + batches });
      return;
    }
    if (open) this.#closed.push(open);
    this.#open.set(stream.id, { stream, covers, batches, receivedAt });
  }

  /** The StreamGap records for all that was dropped; empties this. */
  takeNotices(): RecordBatch[] {
    const notices = [...this.#closed, ...this.#open.values()].map(notice);
    this.#closed = [];
    this.#open.clear();
    return notices;
  }
}

/** Unnumbered streams: the numbers are the bridge's own, so the record says only how many batches are missing. */
function notice({ stream, covers, batches, receivedAt }: Dropped): RecordBatch {
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
  return { stream, ...rendered, covers, engineTime: null, receivedAt };
}
