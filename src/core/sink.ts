import type { RecordBatch } from './batch.ts';
import type { Held } from './checkpoint.ts';
import type { CheckpointBook } from './checkpoint-book.ts';
import type { Finding } from './finding.ts';
import type { Lease } from './lease.ts';
import type { Observe } from './observer.ts';
import type { RecordReader } from './record-reader.ts';
import type { Settings, SettingsValue } from './settings.ts';

/** What became of a `write` that succeeded. */
export interface WriteOutcome {
  /** Records that the destination can never take and that were written to its dead-letter target instead. */
  readonly deadLettered: number;
  /** Of the engine batches written, those with at least one such record. */
  readonly batchesDeadLettered: number;
}

/**
 * Where records go. One lane owns a sink and calls it; calls never overlap.
 */
export interface Sink {
  /**
   * Opens the destination and checks what can be checked (reachable, authorised, target exists). Called before the first
   * `write`, and again after it failed or after an error of kind `reopen`. Throws `SinkError`.
   * Answers what the destination holds of this bridge's name, null where it keeps no checkpoints. With exactly-once it
   * takes the name first: whoever held it can no longer write, so that what is read cannot change any more.
   */
  connect(): Promise<Held>;
  /**
   * Writes all records of all batches in order and resolves only when the destination has confirmed every one of them
   * (stdout: when the stream has taken them). A record that can never be written (too large, a reserved target) goes to
   * the dead-letter target and counts as written once that is confirmed; it never fails the others.
   * On failure throws `SinkError`, with `written` = number of leading batches that are surely durable; the lane calls again
   * with the rest. Records behind `written` may be there already: sinks are at-least-once.
   * Reconnecting after an outage is the sink's own business, inside `write`.
   *
   * Where the sink keeps checkpoints, each stream's moves to `batch.checkpoint` with or after the confirmation of the
   * batch's records, never before. With exactly-once both happen at once, a repeated `write` appends nothing twice, and a
   * destination that holds less than `batch.follows` is an error of kind `reopen`.
   */
  write(batches: readonly RecordBatch[]): Promise<WriteOutcome>;
  /** Where the destination can keep a lease for bridges of one name; see `Lease`. */
  readonly lease?: Lease;
  /** Releases everything. Idempotent, safe before `connect`, safe while the destination is away; never hangs. */
  close(): Promise<void>;
}

/** What a sink gets from its surroundings. */
export interface SinkContext {
  /** Name of the bridge (`BRIDGE_NAME`): checkpoints and fences go by it, client ids carry it. */
  readonly bridge: string;
  /** The process's standard output; the logs never go there. */
  readonly stdout: NodeJS.WritableStream;
  readonly observe: Observe;
}

/** Everything the bridge knows of one kind of sink; see `sinks/registry.ts`. */
export interface SinkModule<S extends Settings = Settings> {
  /** The word in `SINKS` and the section of the configuration file. */
  readonly name: string;
  readonly settings: S;
  /** Refuses impossible combinations of valid values with a `ConfigError` that names the keys. Called at load time. */
  check?(config: SettingsValue<S>): void;
  /** Builds the sink; imports its client library here, so that an unused sink loads nothing. */
  create(config: SettingsValue<S>, context: SinkContext): Promise<Sink>;
  /**
   * What `doctor` can find out about the destination: reachable, authorised, there, able to keep the promise. Yields each
   * finding as soon as it is known and writes nothing. Absent where there is no destination to look at (stdout).
   */
  examine?(config: SettingsValue<S>, about: Examination): AsyncIterable<Finding>;
  /** Reads back what this sink writes; absent where nothing can be read back. */
  reader?(config: SettingsValue<S>, context: ReaderContext): Promise<RecordReader>;
  /** The checkpoints of a bridge's name; absent where the sink keeps none. */
  checkpoints?(config: SettingsValue<S>, context: ReaderContext): Promise<CheckpointBook>;
}

export interface ReaderContext {
  /** Name of the bridge whose checkpoints are meant. */
  readonly bridge: string;
}

export interface Examination extends ReaderContext {
  /** Milliseconds that one request may take. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}
