import { plainAddress } from '../zmtp/address.ts';

/** What libzmq asks for one connection (ZAP, RFC 27). */
export interface ZapRequest {
  readonly version: Buffer;
  readonly id: Buffer;
  /** IP address of the peer; over `ipc://` `localhost:` with its user, group and process. */
  readonly address: string;
  readonly mechanism: string;
  /** Of PLAIN user name and password, of CURVE the public key: 32 bytes. */
  readonly credentials: readonly Buffer[];
}

/** Null for what is no request. */
export function readRequest(parts: readonly Buffer[]): ZapRequest | null {
  const [version, id, , address, , mechanism, ...credentials] = parts;
  if (version === undefined || id === undefined || address === undefined || mechanism === undefined) return null;
  return { version, id, address: plainAddress(address.toString()) ?? '', mechanism: mechanism.toString(), credentials };
}

/**
 * Who is refused gets 300, a failure for now, not 400: libzmq then just ends the connection, and the engine dials again. After
 * a 400 it would never dial again, not even once its credentials are mended.
 */
export function replyTo({ version, id }: ZapRequest, isAdmitted: boolean): readonly (Buffer | string)[] {
  return isAdmitted ? [version, id, '200', 'OK', '', ''] : [version, id, '300', 'refused', '', ''];
}
