/** Lists and maps inside one another, the outermost included. */
export const maxDepth = 64;

/** What one message may take in memory, by the estimates of `cost`, from its values to the JSON made of them. */
export const maxMemory = 134_217_728;

/**
 * Bytes of memory that a value takes at most, measured with messages made of nothing else. A list or a map may be one
 * byte on the wire: without this, a message of 16 MiB takes gigabytes.
 */
export const cost = {
  list: 128,
  /** In a list; numbers and constants cost nothing more. */
  element: 32,
  map: 400,
  entry: 160,
  /** A slot of an event or a batch that has no name. */
  slot: 200,
  float: 64,
  bigint: 96,
  bytes: 240,
  /** Per byte, as hex. */
  byte: 4,
  text: 64,
  /** Per byte, as JSON with every character escaped; short texts are paid for by `text`. */
  character: 12,
} as const;

/** Counts down from `maxMemory`; one for a message, shared by the documents nested in its byte strings. */
export class MemoryBudget {
  #left = maxMemory;

  /** Throws `MsgpackError` when the message takes too much. */
  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw new MsgpackError('too_large', `takes more than ${maxMemory} bytes of memory to read`);
  }
}

export type MsgpackFault = 'malformed_msgpack' | 'trailing_bytes' | 'too_deep' | 'too_large';

/** The only error of the reader. */
export class MsgpackError extends Error {
  override readonly name = 'MsgpackError';
  readonly fault: MsgpackFault;

  constructor(fault: MsgpackFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
