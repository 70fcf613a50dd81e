import type { Greeted } from './mechanism.ts';
import { printable, ZmtpError } from './zmtp-error.ts';

const length = 64;
const versionAt = 10;
const mechanismAt = 12;
const mechanismLength = 20;

/** What each side sends first, whole and at once. */
export function greetingOf({ mechanism, asServer }: Greeted): Buffer {
  const bytes = Buffer.alloc(length);
  bytes[0] = 0xff;
  // The length of an empty identity and a byte that is no flag of ZMTP 1: what libzmq sends, and peers have always seen.
  bytes[8] = 1;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes[11] = 1;
  bytes.write(mechanism, mechanismAt, 'latin1');
  bytes[mechanismAt + mechanismLength] = asServer ? 1 : 0;
  return bytes;
}

/**
 * Bytes of a greeting with the signature and the version: libzmq answers them with all of its own, which names its
 * mechanism. Once it has seen that ours is another one, it hangs up without it.
 */
export const opening = 12;

/** Reads the peer's greeting; refuses as early as the bytes allow, since a foreign peer may never send 64 of them. */
export class GreetingReader {
  readonly #bytes = Buffer.alloc(length);
  #filled = 0;

  get isComplete(): boolean {
    return this.#filled === length;
  }

  get hasVersion(): boolean {
    return this.#filled > versionAt;
  }

  /** Whether the peer speaks ZMTP 3.1 or later, of which this side then speaks 3.1. */
  get hasCommands(): boolean {
    return (this.#bytes[10] ?? 0) > 3 || (this.#bytes[11] ?? 0) >= 1;
  }

  get mechanism(): string {
    return printable(this.#bytes.subarray(mechanismAt, mechanismAt + mechanismLength)).replace(/\.+$/, '');
  }

  /** libzmq never says so. */
  get asServer(): boolean {
    return this.#bytes[mechanismAt + mechanismLength] === 1;
  }

  /** How many bytes of the chunk belong to the greeting. Throws `ZmtpError`. */
  take(chunk: Buffer): number {
    const taken = chunk.copy(this.#bytes, this.#filled);
    this.#filled += taken;
    this.#check(this.#bytes.subarray(0, this.#filled));
    return taken;
  }

  #check(bytes: Buffer): void {
    if (bytes.length > 0 && bytes[0] !== 0xff) throw foreign(bytes);
    if (bytes.length > 9 && bytes[9] !== 0x7f) throw foreign(bytes);
    const version = bytes[10];
    if (version !== undefined && version < 3) {
      throw new ZmtpError('old_version', `the peer speaks ZMTP ${version === 1 ? 2 : 1}; ZMTP 3 (libzmq 4) is needed`);
    }
  }
}

function foreign(bytes: Buffer): ZmtpError {
  return new ZmtpError('not_zmtp', `the peer does not speak ZMTP 2 or 3: it begins with "${printable(bytes)}"`);
}
