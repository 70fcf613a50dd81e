/**
 * Memory that records of one or many batches stand in, to be used again: to get new memory for everything costs more than
 * to write it. Whoever forgets to let go costs nothing but that saving; whoever reads what it has let go of reads nonsense.
 */
export interface RecordMemory {
  /** One more reads it. */
  hold(): void;
  /** One of those that hold it has finished with it. */
  release(): void;
  /** It is not used again: somebody may still read it who cannot be asked, as a write that failed may be under way still. */
  keep(): void;
}
