/** An argument of a command; pieces are one argument, back to back. */
export type Argument = string | readonly Buffer[];

/** Memory grows in steps of this; what a call takes at most is a few of them. */
const step = 262_144;
/** More than a call needs, unless one record alone is larger: that is not kept. */
const mostKept = 8 * step;
/** `$`, at most 16 digits, CRLF, and the CRLF behind an argument. */
const around = 21;
const crlf = '\r\n';

/**
 * Commands as they go over the wire, one after the other in the same memory: the library would copy the records twice, each
 * time into new memory, which costs more than all else that this sink does.
 */
export class RequestMemory {
  #free: Buffer | null = null;

  /** The bytes of a command (RESP). They stay as they are until `give` gets them back. */
  write(args: readonly Argument[]): Buffer {
    const room = args.reduce((sum, arg) => sum + around + lengthOf(arg), around);
    const bytes = this.#take(room);
    let at = bytes.write(`*${args.length}${crlf}`, 'latin1');
    for (const arg of args) {
      at += bytes.write(`$${lengthOf(arg)}${crlf}`, at, 'latin1');
      if (typeof arg === 'string') at += bytes.write(arg, at, 'utf8');
      else for (const piece of arg) at += piece.copy(bytes, at);
      at += bytes.write(crlf, at, 'latin1');
    }
    return bytes.subarray(0, at);
  }

  /** The server has answered, so nobody reads them any more. Bytes of which that is not known must not come back. */
  give({ buffer }: Buffer): void {
    if (buffer.byteLength <= mostKept) this.#free = Buffer.from(buffer);
  }

  #take(room: number): Buffer {
    const free = this.#free;
    this.#free = null;
    return free !== null && free.length >= room ? free : Buffer.allocUnsafeSlow(Math.ceil(room / step) * step);
  }
}

function lengthOf(arg: Argument): number {
  return typeof arg === 'string' ? Buffer.byteLength(arg) : arg.reduce((sum, { length }) => sum + length, 0);
}
