import type { RecordBatch } from '../../core/batch.ts';
import type { Held, Position } from '../../core/checkpoint.ts';
import { comparePositions, positionText } from '../../core/checkpoint.ts';
import { SinkError } from '../../core/errors.ts';
import type { Kept, Snapshot } from './checkpoint-file.ts';

/** Streams come and go for years; those written longest ago are forgotten beyond so many. */
const maxStreams = 100_000;

/** What the segments hold of each stream, in memory, and how much of that `checkpoints.json` says already. */
export class Ledger {
  readonly #maxStreams: number;
  /** Written longest ago first. */
  #streams = new Map<string, Kept>();
  #hasForgotten = false;
  #segment = 0;
  #bytes = 0;
  #changes = 0;
  #savedChanges = 0;
  #savedSegment = 0;

  constructor(limit = maxStreams) {
    this.#maxStreams = limit;
  }

  /** A segment that `checkpoints.json` has not passed yet must not be deleted. */
  get savedSegment(): number {
    return this.#savedSegment;
  }

  get held(): NonNullable<Held> {
    return new Map([...this.#streams].map(([stream, { checkpoint }]) => [stream, checkpoint]));
  }

  /** Begins anew with what a folder holds. */
  reset(streams: ReadonlyMap<string, Kept>): void {
    this.#streams = new Map(streams);
    this.#hasForgotten = false;
    this.#savedSegment = 0;
    this.#changes += 1;
  }

  /** Where the next batch goes. */
  stand(segment: number, bytes: number): void {
    this.#segment = segment;
    this.#bytes = bytes;
    this.#changes += 1;
  }

  /**
   * The batches that are not there yet; what is there already is passed over: it was written before an answer got lost.
   * Throws where less is there than what they follow.
   */
  lacking(batches: readonly RecordBatch[]): RecordBatch[] {
    const places = new Map<string, Position>();
    return batches.filter(({ stream: { id }, checkpoint: { position }, follows }) => {
      const place = places.get(id) ?? this.#streams.get(id)?.checkpoint.position;
      if (place !== undefined && comparePositions(position, place) <= 0) return false;
      if (follows !== null && this.#isBefore(place, follows)) {
        throw holdsLess(id, place && positionText(place), positionText(follows));
      }
      places.set(id, position);
      return true;
    });
  }

  /** The beginning of an epoch is where a stream stands of which nothing is there. */
  #isBefore(place: Position | undefined, follows: Position): boolean {
    if (place !== undefined) return comparePositions(place, follows) < 0;
    return !this.#hasForgotten && (follows.seq !== null || follows.sub > 0);
  }

  /** These batches are there now, and the segment has so many bytes. */
  wrote(batches: readonly RecordBatch[], bytes: number): void {
    for (const { stream, checkpoint } of batches) {
      this.#streams.delete(stream.id);
      this.#streams.set(stream.id, { checkpoint, segment: this.#segment });
    }
    for (const [stream] of this.#streams) {
      if (this.#streams.size <= this.#maxStreams) break;
      this.#streams.delete(stream);
      this.#hasForgotten = true;
    }
    this.#bytes = bytes;
    this.#changes += 1;
  }

  /** What is to be saved, with what to call once it is; null where `checkpoints.json` says it already. */
  unsaved(): { readonly snapshot: Snapshot; readonly saved: () => void } | null {
    if (this.#changes === this.#savedChanges) return null;
    const changes = this.#changes;
    const snapshot = { segment: this.#segment, bytes: this.#bytes, streams: new Map(this.#streams) };
    return { snapshot, saved: () => this.#saved(changes, snapshot.segment) };
  }

  /** `checkpoints.json` says all this already. */
  isSaved(): void {
    this.#saved(this.#changes, this.#segment);
  }

  #saved(changes: number, segment: number): void {
    this.#savedChanges = changes;
    this.#savedSegment = segment;
  }
}

function holdsLess(stream: string, place: string | undefined, follows: string): SinkError {
  return new SinkError({
    kind: 'reopen',
    code: 'HOLDS_LESS',
    message: `file: the segments hold ${stream} up to ${place ?? 'nothing'}, but what is to be written follows ${follows}: what they lack is looked at again`,
  });
}
