import type { Security } from './security.ts';

/** The replay socket of one publisher. */
export interface ReplayTarget {
  readonly endpoint: string;
  readonly security: Security;
}

/** A batch as a publisher sent it again on request. */
export interface ReplayedFrame {
  readonly seq: bigint;
  /** The publisher's topic, empty where it has none; null where its answers don't carry it (vLLM up to v0.25). */
  readonly topic: Buffer | null;
  /** An own copy: it may be kept. */
  readonly payload: Buffer;
  /** The bridge's clock on receipt, milliseconds since 1970. */
  readonly receivedAt: number;
}

/**
 * Why an attempt ended; nothing of it says that the answer is complete:
 * - `end`: the publisher's end marker came; it can come after a hole, and it is all that comes for a start beyond the end;
 * - `idle`: the publisher has the request but was silent for too long: it hangs, or its end marker was dropped;
 * - `budget`: `maxBytes` are handed over; more may follow, ask again from the first number that is missing;
 * - `unreachable`: the request was never sent, nothing was handed over and nothing will be asked later;
 * - `aborted`: by the signal, also while the attempt still waited for its turn;
 * - `malformed`: an end marker or silence, and of the answers before it not one could be read.
 */
export type AttemptEnd = 'end' | 'idle' | 'budget' | 'unreachable' | 'aborted' | 'malformed';

export interface AttemptOptions {
  /**
   * Bytes of answers taken at most, with all their frames. The first batch is handed over even where it exceeds them:
   * every attempt that gets a batch makes progress.
   */
  readonly maxBytes: number;
  /** Ends the attempt, at the latest 0.1 s later. The only limit in time for a publisher that never falls silent. */
  readonly signal: AbortSignal;
}

export interface AttemptOutcome {
  readonly end: AttemptEnd;
  /** Calls of `take`. */
  readonly frames: number;
  /** Answers that could not be read and were passed over; each may show as a hole. */
  readonly unreadable: number;
  /** For the log; absent where there is nothing to say beyond `end`. */
  readonly message?: string;
}

export interface ReplayClient {
  /**
   * Asks one publisher for everything from `from` (0 to 2^64-1) on, over a fresh socket, and hands over what comes in
   * the order in which it comes, until one of the ends above. Contiguity is the caller's business: the publisher
   * forgets old batches without a word and its socket drops in the middle. Numbers may be missing, repeat or lie below
   * `from`. Safe to call concurrently; attempts beyond a limit wait for their turn. The socket is closed when it returns.
   * `take` is called synchronously, must not throw and may abort the signal: nothing is handed over after that.
   * Never rejects, unless `take` throws.
   */
  attempt(
    target: ReplayTarget,
    from: bigint,
    options: AttemptOptions,
    take: (frame: ReplayedFrame) => void,
  ): Promise<AttemptOutcome>;
}
