/** What a peer did that ends its connection. */
export type ZmtpErrorCode =
  /** The first bytes are no greeting: another protocol, or ZMTP 1. */
  | 'not_zmtp'
  | 'old_version'
  /** Another security mechanism. */
  | 'mechanism'
  /** Something else than the next step of the handshake. */
  | 'bad_handshake'
  | 'handshake_timeout'
  | 'not_a_publisher'
  /** The peer has another password. */
  | 'credentials'
  /** The peer sent ERROR, or hung up on a password. */
  | 'refused'
  | 'bad_frame'
  | 'bad_command'
  | 'too_large'
  | 'too_many_frames'
  | 'silent'
  /** It takes nothing of what it is sent. */
  | 'deaf';

/** The only error the protocol knows: this connection is over, no other one is touched. */
export class ZmtpError extends Error {
  override readonly name = 'ZmtpError';
  readonly code: ZmtpErrorCode;

  constructor(code: ZmtpErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Text of a peer for a person: short, and nothing in it that a terminal would obey. */
export function printable(bytes: Buffer): string {
  return bytes
    .subarray(0, 64)
    .toString('latin1')
    .replace(/[^ -~]/g, '.');
}
