import type { Frame } from './frame.ts';

/**
 * Where frames come from: one socket on one endpoint. The pipeline pulls; nothing is pushed.
 */
export interface Source {
  readonly name: string;
  readonly endpoint: string;
  /**
   * Binds, or starts to connect. Called once, before `frames`. Throws a `BridgeError` that names the endpoint and
   * the remedy when the endpoint cannot be used (port taken, bad address).
   */
  open(): Promise<void>;
  /**
   * Live frames in arrival order. Iterated once, by one reader; the next frame is taken from the socket only when the
   * reader asks for it, so a slow reader makes the transport and then the publisher hold the rest. Ends after `stop`.
   */
  frames(): AsyncIterable<Frame>;
  /** Makes `frames` end after the frame in hand. Idempotent, safe before `open`. */
  stop(): void;
  /** Releases the socket. Called after the reader has left `frames`. Idempotent, safe before `open`. */
  close(): Promise<void>;
}
