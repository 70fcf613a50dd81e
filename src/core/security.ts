/** How a source and its engines make sure of each other: a security mechanism of ZeroMQ, with all it needs. */
export type Security = NoSecurity | PlainSecurity | CurveSecurity;

export interface NoSecurity {
  readonly mechanism: 'NULL';
}

/** RFC 24: a user name and a password, in clear text. Each up to 255 bytes of UTF-8. */
export interface PlainSecurity {
  readonly mechanism: 'PLAIN';
  readonly username: string;
  readonly password: string;
}

/** RFC 26: encryption, and keys that prove who is who. Keys are 40 characters of Z85. */
export interface CurveSecurity {
  readonly mechanism: 'CURVE';
  /** Of the bridge itself. */
  readonly secretKey: string;
  /** Public one of the sockets that are dialled: publishers, replay sockets. Null: none is dialled. */
  readonly serverKey: string | null;
  /** Public ones of the engines that may dial in; empty: all that know the public key of the bridge. */
  readonly allow: readonly string[];
}

export const noSecurity: NoSecurity = { mechanism: 'NULL' };
