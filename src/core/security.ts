/** How a source and its engines make sure of each other: a security mechanism of ZeroMQ, with all it needs. */
export type Security = { readonly mechanism: 'NULL' } | PlainSecurity;

/** RFC 24: a user name and a password, in clear text. Each up to 255 bytes of UTF-8. */
export interface PlainSecurity {
  readonly mechanism: 'PLAIN';
  readonly username: string;
  readonly password: string;
}

export const noSecurity: Security = { mechanism: 'NULL' };
