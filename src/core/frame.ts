/** One multipart ZeroMQ message as received; nothing in it has been looked at yet. */
export interface Frame {
  /** Configured name of the source, `[a-z0-9-]+`. */
  readonly source: string;
  /** The endpoint it came through, e.g. `tcp://*:5557`. */
  readonly endpoint: string;
  /** IP address of the publisher's end of the connection; null where the transport does not tell. */
  readonly peer: string | null;
  /**
   * Rises with each connection that a source accepts, so that a new one shows: its publisher may have restarted. Null where
   * the transport does not tell, or says it by `onReconnect`.
   */
  readonly connection: number | null;
  /** The frames in order, at least one. Views into library memory: copy what outlives the handling. */
  readonly parts: readonly Buffer[];
  /** The bridge's clock on receipt, milliseconds since 1970. */
  readonly receivedAt: number;
}

/** Bytes of all its frames. */
export function bytesOf(frame: Frame): number {
  let bytes = 0;
  for (const part of frame.parts) bytes += part.length;
  return bytes;
}
