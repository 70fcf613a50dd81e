import type { RecordForm } from '../core/batch.ts';
import type { EventCounts } from '../core/observer.ts';
import type { DecodedBatch, Rank } from './decode.ts';
import { decodePayload } from './decode.ts';
import type { Envelope } from './envelope.ts';
import type { Failure } from './message.ts';
import type { ReadBatch, Transcoder } from './reading.ts';
import type { Rendered } from './records.ts';
import { renderBatch, renderEvents } from './records.ts';

/** msgpack → plain model → `JSON.stringify`: defines what is right, for every input. */
export const referenceTranscoder: Transcoder = {
  read(payload) {
    const decoded = decodePayload(payload);
    return decoded.ok ? { ok: true, batch: new ReferenceBatch(decoded.batch) } : decoded;
  },
};

class ReferenceBatch implements ReadBatch {
  readonly #batch: DecodedBatch;
  readonly counts: EventCounts;
  readonly failures: readonly Failure[];

  constructor(batch: DecodedBatch) {
    this.#batch = batch;
    const counts = { BlockStored: 0, BlockRemoved: 0, AllBlocksCleared: 0, other: 0 };
    const failures: Failure[] = [];
    for (const event of batch.events) {
      if (!event.ok) failures.push(event.failure);
      else counts[Object.hasOwn(counts, event.type) ? (event.type as keyof EventCounts) : 'other'] += 1;
    }
    this.counts = counts;
    this.failures = failures;
  }

  get ts(): number | null {
    return this.#batch.ts;
  }

  get tsUnit(): 's' | 'ms' {
    return this.#batch.tsUnit;
  }

  get rank(): Rank {
    return this.#batch.rank;
  }

  render(envelope: Envelope, form: RecordForm): Rendered {
    return form === 'event' ? renderEvents(envelope, this.#batch) : renderBatch(envelope, this.#batch);
  }

  startRun(): null {
    return null;
  }
}
