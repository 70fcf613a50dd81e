import type { Command } from './commands.ts';
import { metadataOf, readError, readProperty } from './commands.ts';
import { printable, ZmtpError } from './zmtp-error.ts';

/** What one command of the handshake leads to. */
export interface Step {
  /** To be sent; null: nothing. */
  readonly say: Buffer | null;
  /** What the peer says of itself, with which the handshake is over; null: there is more to come. */
  readonly metadata: Buffer | null;
}

/** What a greeting says about security. */
export interface Greeted {
  readonly mechanism: string;
  readonly asServer: boolean;
}

/** One side of a security handshake, from the greetings to the metadata; for one connection. */
export interface Mechanism {
  readonly greeting: Greeted;
  /** Once, when the peer has greeted: what is sent; null: nothing. Throws `ZmtpError` where the peer's does not fit. */
  begin(peer: Greeted): Buffer | null;
  /** Each command until there are metadata. Throws `ZmtpError`. */
  take(command: Command): Step;
  /** What it tells that the peer has greeted and says nothing more; null: nothing. */
  readonly ifSilent: string | null;
  /** What it tells that the peer has greeted and then hangs up; null: nothing. */
  readonly ifClosed: ZmtpError | null;
}

/** Of the kind of socket that this side is. */
export function ownMetadata(type: string): Buffer {
  return metadataOf({ 'Socket-Type': type });
}

/** Of the one command that may come now. */
export function dataOf({ name, data }: Command, expected: string): Buffer {
  if (name === 'ERROR') throw readError(data);
  if (name === expected) return data;
  throw new ZmtpError('bad_handshake', `the peer sent ${printable(Buffer.from(name))} instead of ${expected}`);
}

export function checkMechanism({ mechanism: own }: Greeted, { mechanism }: Greeted): void {
  if (mechanism === own) return;
  const peer =
    mechanism === 'NULL'
      ? 'the peer has no security (mechanism NULL)'
      : `the peer wants the security mechanism ${mechanism}`;
  throw new ZmtpError('mechanism', `${peer}; this source has ${own} only`);
}

/** Of what the peer says of itself. */
export function checkPublisher(metadata: Buffer): void {
  const type = readProperty(metadata, 'Socket-Type');
  if (type === 'PUB' || type === 'XPUB') return;
  const kind = type ?? 'of no type';
  throw new ZmtpError('not_a_publisher', `a peer was turned away: its socket is ${kind}, not PUB or XPUB`);
}

export function tooEarly(): ZmtpError {
  return new ZmtpError('bad_handshake', 'the peer sent a message before READY');
}
