import type { ReusedMemory } from '../../core/reused-memory.ts';
import { writeUint32 } from '../../wire/fast/digits.ts';

/** An argument of a command; pieces are one argument, back to back. */
export type Argument = string | readonly Buffer[];

/** `$`, at most 16 digits, CRLF, and the CRLF behind an argument. */
const around = 21;
/** UTF-8 has at most so many bytes for what a string of JavaScript counts as one character. */
const widest = 3;
const arrayMark = 0x2a; // *
const bulkMark = 0x24; // $
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/**
 * The bytes of a command (RESP), in that memory. The library would copy the records twice, each time into new memory, which
 * costs more than all else that this sink does.
 */
export function requestOf(args: readonly Argument[], memory: ReusedMemory): Buffer {
  let room = around;
  for (const arg of args) room += around + (typeof arg === 'string' ? widest * arg.length : lengthOf(arg));
  const bytes = memory.take(room);
  let at = writeLength(bytes, 0, arrayMark, args.length);
  for (const arg of args) {
    at = typeof arg === 'string' ? writeText(bytes, at, arg) : writePieces(bytes, at, arg);
    at = endLine(bytes, at);
  }
  return bytes.subarray(0, at);
}

/** Nearly all text is ASCII and short: its characters one by one cost less than to call the encoder. */
function writeText(bytes: Buffer, start: number, text: string): number {
  const { length } = text;
  const from = writeLength(bytes, start, bulkMark, length);
  for (let index = 0; index < length; index += 1) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) return writeWide(bytes, start, text);
    bytes[from + index] = code;
  }
  return from + length;
}

function writeWide(bytes: Buffer, start: number, text: string): number {
  const at = writeLength(bytes, start, bulkMark, Buffer.byteLength(text));
  return at + bytes.write(text, at, 'utf8');
}

function writePieces(bytes: Buffer, start: number, pieces: readonly Buffer[]): number {
  let at = writeLength(bytes, start, bulkMark, lengthOf(pieces));
  for (const piece of pieces) at += piece.copy(bytes, at);
  return at;
}

function writeLength(bytes: Buffer, at: number, mark: number, length: number): number {
  bytes[at] = mark;
  return endLine(bytes, writeUint32(bytes, at + 1, length));
}

function endLine(bytes: Buffer, at: number): number {
  bytes[at] = carriageReturn;
  bytes[at + 1] = lineFeed;
  return at + 2;
}

function lengthOf(pieces: readonly Buffer[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}
