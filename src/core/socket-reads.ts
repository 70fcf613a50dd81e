/** Of a socket of Node.js: where its `onread` option ends up. */
interface Inside {
  readonly _handle?: { readonly useUserBuffer?: (bytes: Uint8Array) => void } | null;
  [slot: symbol]: unknown;
}

/** Bytes that one read takes at most. */
export const readBytes = 65_536;

/** For all sockets that are dealt with one after the other: what one has read is done with before the next one reads. */
export function sharedBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(readBytes);
}

/**
 * Has a connected socket read into `shared`, and calls `onBytes` with what comes in instead of emitting `data`; the bytes are
 * there during the call only. Node.js gets 64 KiB of new memory for each read, however little comes, and collecting it would
 * be most of what a bridge does. With the option `onread` it reads into one buffer instead; `connect` takes that option, the
 * sockets of a server or of a library have no way to. So it is set here, where sockets of Node.js 20 to 24 have it. Where they
 * are made otherwise, nothing changes.
 */
export function readInto(socket: object, shared: Buffer, onBytes: (bytes: Buffer) => void): void {
  const inside = socket as Inside;
  const slots = Object.getOwnPropertySymbols(socket);
  const [buffer, callback] = ['kBuffer', 'kBufferCb'].map((name) => slots.find((slot) => slot.description === name));
  const handle = inside._handle;
  if (buffer === undefined || callback === undefined || typeof handle?.useUserBuffer !== 'function') return;
  handle.useUserBuffer(shared);
  inside[buffer] = shared;
  // Whoever has enough calls `pause`; an answer of false would mean the same.
  inside[callback] = (count: number) => {
    onBytes(shared.subarray(0, count));
    return true;
  };
}

interface LibrarySocket {
  emit(event: 'data', bytes: Buffer): boolean;
}

/**
 * The same for the connected socket of a library, which gets copies: it may keep what is not a whole answer, and answers are a
 * few bytes. Over TLS nothing changes: what is decrypted has memory of its own.
 */
export function readSparingly(socket: LibrarySocket, shared: Buffer): void {
  if (!('encrypted' in socket)) readInto(socket, shared, (bytes) => socket.emit('data', Buffer.from(bytes)));
}
