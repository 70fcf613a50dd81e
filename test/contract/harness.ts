import type { RecordBatch } from '../../src/core/batch.ts';
import type { Sink } from '../../src/core/sink.ts';

/** Records that their destination can never take, among others that it can. */
export interface Poison {
  /** Written in one call; some of their documents are poison. */
  readonly batches: readonly RecordBatch[];
  /** The `id`s of the poison records. */
  readonly ids: readonly string[];
  /** The JSON documents in the dead-letter target, in order. */
  deadLetters(): Promise<readonly string[]>;
}

/**
 * One empty destination of its own (folder, key, topic) and a way to look into it from outside. Made afresh for each
 * rule; what is expensive (a server) may be shared behind it.
 */
export interface SinkHarness {
  /**
   * A sink on that destination, not connected, always of the same bridge name. Called again for a second one after the
   * first was closed, and unless `noFence` also while it is still connected.
   */
  make(): Promise<Sink>;
  /** Every document now in the destination, without newline, read around the sink. */
  readBack(): Promise<readonly string[]>;
  /** From when it resolves, every `connect` and `write` fails (within `patience`) until healed. Needed unless `noOutage`. */
  breakDestination?(): Promise<void>;
  /** The destination works again with all it had; a sink that was there may need some retries. */
  healDestination?(): Promise<void>;
  /** Needed unless `noPoison`. */
  poison?(): Promise<Poison>;
  /** Closes nothing that `make` made (the rules do); removes the destination. Called also after a failed rule. */
  dispose(): Promise<void>;
}

/** What a sink promises about what it holds. */
export interface CheckpointPromise {
  /** `exactly-once`: nothing is ever there twice, and a destination that holds less than it should is noticed. */
  readonly delivery: 'at-least-once' | 'exactly-once';
  /** Why `connect` cannot always give back the fingerprint of the last batch. */
  readonly noHash?: string;
  /** Why a second sink of the same name cannot take the first one's place while that lives. Exactly-once only. */
  readonly noFence?: string;
}

export interface ContractOptions {
  /** `total`: read back in the order written; `stream`: only documents of one stream keep their order (partitions). */
  readonly order?: 'total' | 'stream';
  /** Why this destination cannot fail and come back. */
  readonly noOutage?: string;
  /** Why this destination takes every record. */
  readonly noPoison?: string;
  /** Or why this sink keeps no checkpoints. */
  readonly checkpoints?: CheckpointPromise | string;
  /** Milliseconds one call of the sink may take before it counts as hanging; default 10 s. */
  readonly patience?: number;
}

export type OpenHarness = () => Promise<SinkHarness>;
