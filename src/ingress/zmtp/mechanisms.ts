import type { NoSecurity, PlainSecurity } from '../../core/security.ts';
import type { Mechanism } from './mechanism.ts';
import { Null } from './null.ts';
import { PlainClient, PlainServer } from './plain.ts';

/** What is spoken here; CURVE is libzmq's. */
export type ZmtpSecurity = NoSecurity | PlainSecurity;

export interface SecurityOptions {
  readonly security: ZmtpSecurity;
  /** Who listens is the server of a mechanism that has one. */
  readonly isBound: boolean;
  /** See `MachineOptions`. */
  readonly isReserved: boolean;
}

export function mechanismOf({ security, isBound, isReserved }: SecurityOptions): Mechanism {
  if (security.mechanism === 'NULL') return new Null(isReserved);
  return isBound ? new PlainServer(security) : new PlainClient(security);
}
