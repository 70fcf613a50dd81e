import type { Socket } from 'node:net';

/** Of a socket of Node.js: where its `onread` option ends up. */
interface Inside {
  readonly _handle?: { readonly useUserBuffer?: (bytes: Uint8Array) => void } | null;
  [slot: symbol]: unknown;
}

/** Bytes that one read takes at most. */
export const readBytes = 65_536;

/** For all sockets of a source: what one has read is dealt with before the next one reads. */
export function sharedBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(readBytes);
}

/**
 * Calls `onBytes` with what comes in; the bytes are there during the call only. Node.js gets 64 KiB of new memory for each
 * read, however little comes, and collecting it would be most of what a bridge does. With the option `onread` it reads into
 * one buffer instead; `connect` takes that option, the sockets of a server have no way to. So it is set here, where sockets
 * of Node.js 20 to 24 have it; where they are made otherwise, reading is the usual one.
 */
export function receive(socket: Socket, shared: Buffer, onBytes: (bytes: Buffer) => void): void {
  socket.on('data', onBytes);
  const inside = socket as unknown as Inside;
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
