import type { ReusedMemory } from '../../core/reused-memory.ts';

/** An argument of a command; pieces are one argument, back to back. */
export type Argument = string | readonly Buffer[];

/** `$`, at most 16 digits, CRLF, and the CRLF behind an argument. */
const around = 21;
const crlf = '\r\n';

/**
 * The bytes of a command (RESP), in that memory. The library would copy the records twice, each time into new memory, which
 * costs more than all else that this sink does.
 */
export function requestOf(args: readonly Argument[], memory: ReusedMemory): Buffer {
  let room = around;
  for (const arg of args) room += around + lengthOf(arg);
  const bytes = memory.take(room);
  let at = bytes.write(`*${args.length}${crlf}`, 'latin1');
  for (const arg of args) {
    at += bytes.write(`$${lengthOf(arg)}${crlf}`, at, 'latin1');
    if (typeof arg === 'string') at += bytes.write(arg, at, 'utf8');
    else for (const piece of arg) at += piece.copy(bytes, at);
    at += bytes.write(crlf, at, 'latin1');
  }
  return bytes.subarray(0, at);
}

function lengthOf(arg: Argument): number {
  if (typeof arg === 'string') return Buffer.byteLength(arg);
  let length = 0;
  for (const piece of arg) length += piece.length;
  return length;
}
