import type { Socket } from 'node:net';
import { readInto } from '../../core/socket-reads.ts';

/** Calls `onBytes` with what comes in; the bytes are there during the call only. Begins to read. */
export function receive(socket: Socket, shared: Buffer, onBytes: (bytes: Buffer) => void): void {
  // Where reading into `shared` has no effect, it is the usual one.
  socket.on('data', onBytes);
  readInto(socket, shared, onBytes);
}
