import type { RecordBatch } from './batch.ts';

/** Looks at records on their way to the lanes, for people who watch. */
export interface RecordTap {
  /** Whether anybody watches; asked for each batch, so that nothing is spent while nobody does. */
  readonly isOpen: boolean;
  /**
   * Called in the order of emission, just before the lanes get the batch. Must not throw, must not wait, and copies what it
   * keeps for longer than a moment: a small batch keeps a large piece of memory alive.
   */
  take(batch: RecordBatch): void;
}

/** Nobody watches. */
export const noTap: RecordTap = { isOpen: false, take: () => undefined };
