/** One record as it stands in a store. */
export interface StoredRecord {
  /** The JSON document, without a newline. */
  readonly text: string;
  /** Where it stands: a Redis entry id, `partition/offset`, `file:line`; for messages about it. */
  readonly place: string;
}

export interface ReadingOptions {
  /** `start`: everything that is there; `end`: only what comes from now on. */
  readonly from: 'start' | 'end';
  /** Whether to wait for more at the end; otherwise reading ends with what was there when it began. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Called now and then with what was read and, where it is known, what there is (records or bytes): for progress bars. */
  readonly onProgress?: (done: number, total: number | null) => void;
}

/** Reads back what a sink has written. Changes nothing: takes no fence, joins no consumer group, trims nothing. */
export interface RecordReader {
  /**
   * Records in the store's order (per stream that is the order of the stream). Ends when all are read or `signal` aborts;
   * throws a `BridgeError` that names the remedy where the store cannot be read.
   */
  records(options: ReadingOptions): AsyncIterable<StoredRecord>;
  /** Idempotent; never hangs. */
  close(): Promise<void>;
}
