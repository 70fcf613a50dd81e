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
   *
   * `onReconnect` is called by a connected source when it has a connection to its publisher again after it had lost one
   * (the publisher restarted, the network came back, the source itself dialled anew): what was published meanwhile is
   * missing, and no later frame may ever show it. Once for each new connection, never for the first and never after
   * `stop`; the publisher may have lost and found its connection unnoticed, too, so its numbers still have to be checked.
   * It is called synchronously from the event of the socket, before or after the first frames of the new connection are read: it must
   * return at once and not throw; it may start work of its own and may call `stop`. A bound source never calls it:
   * there the publisher is the one that dials, and libzmq's keeps what it could not send; `Frame.connection` tells of a new one.
   */
  open(onReconnect?: () => void): Promise<void>;
  /**
   * Live frames in arrival order, those that are there together at once (at least one). Iterated once, by one reader; the
   * next are taken from the socket only when the reader asks for them, so a slow reader makes the transport and then the
   * publisher hold the rest. Ends after `stop`.
   */
  frames(): AsyncIterable<readonly Frame[]>;
  /** Makes `frames` end after the frames in hand. Idempotent, safe before `open`. */
  stop(): void;
  /** Releases the socket. Called after the reader has left `frames`. Idempotent, safe before `open`. */
  close(): Promise<void>;
}
