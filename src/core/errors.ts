/** An error the bridge itself raises: a stable code for machines, a sentence with the remedy for people. */
export class BridgeError extends Error {
  override readonly name: string = 'BridgeError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Bad usage or configuration: the process ends with exit code 2. */
export class ConfigError extends BridgeError {
  override readonly name = 'ConfigError';

  constructor(message: string, options?: ErrorOptions) {
    super('CONFIG', message, options);
  }
}

/**
 * What an error of a sink makes its lane do:
 * - `transient`: try again after a backoff, for ever;
 * - `destination`: the same, but somebody has to mend the destination (rights, missing topic, wrong type): not ready
 *   until then, and the message says what to mend;
 * - `reopen`: what the sink holds is unknown (a commit without an answer) or is less than it should be (a store that lost
 *   its data): after a backoff `connect` again, which says what it holds, and then write what it lacks;
 * - `fenced`: a newer bridge of the same name has taken over: this one must not write any more, and ends;
 * - `closed`: nobody will ever read again (stdout's reader is gone): the lane ends and so does the bridge, without an error.
 */
export type SinkErrorKind = 'transient' | 'destination' | 'reopen' | 'fenced' | 'closed';

export interface SinkErrorDetails {
  readonly kind: SinkErrorKind;
  /** The client's or broker's own code, from a bounded set: it becomes a metric label. */
  readonly code: string;
  readonly message: string;
  /** How many leading batches of the failed `write` are surely written; the lane sends only the rest again. */
  readonly written?: number;
  readonly cause?: unknown;
}

/** The only error a sink may throw: whoever throws has classified it. */
export class SinkError extends BridgeError {
  override readonly name = 'SinkError';
  readonly kind: SinkErrorKind;
  readonly written: number;

  constructor(details: SinkErrorDetails) {
    super(details.code, details.message, { cause: details.cause });
    this.kind = details.kind;
    this.written = details.written ?? 0;
  }
}

/** The code that Node.js and libzmq give their errors, e.g. `EACCES`; undefined where there is none. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
