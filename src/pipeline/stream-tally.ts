import type { EventCounts } from '../core/observer.ts';

/** What one stream has brought since it is known here; every batch is counted in place. */
export class StreamTally {
  batches = 0;
  events = 0;
  gaps = 0;
  missing = 0n;
  recovered = 0n;
  restarts = 0;
  duplicates = 0;
  undecodable = 0;
  /** A gap was recorded since its publisher began to count. */
  hasGap = false;

  add(batches: number, { BlockStored, BlockRemoved, AllBlocksCleared, other }: EventCounts): void {
    this.batches += batches;
    this.events += BlockStored + BlockRemoved + AllBlocksCleared + other;
  }

  /** Some frame of it came in this run. */
  get isSeen(): boolean {
    return this.batches + this.duplicates + this.undecodable > 0;
  }

  gap(missing: bigint): void {
    this.gaps += 1;
    this.missing += missing;
    this.hasGap = true;
  }

  restart(): void {
    this.restarts += 1;
    this.hasGap = false;
  }
}
