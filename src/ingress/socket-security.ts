import type { Security } from '../core/security.ts';

/** A peer that is refused for now would stay connected for as long (libzmq: 30 s), and dials again only then. */
const handshakeInterval = 10_000;

/** Options of a zeromq.js socket that dials. */
export function clientOptions(security: Security) {
  if (security.mechanism === 'NULL') return {};
  return { plainUsername: security.username, plainPassword: security.password };
}

/** Options of a zeromq.js socket that listens. Credentials are looked at by the context's ZAP handler, which sees the domain. */
export function serverOptions(security: Security, zapDomain: string) {
  return security.mechanism === 'NULL' ? {} : { plainServer: true, zapDomain, handshakeInterval };
}

/** What to look at where a handshake with the engine fails; empty: nothing in particular. */
export function hintOf({ mechanism }: Security): string {
  return mechanism === 'NULL' ? '' : 'does the engine want PLAIN, with the same user name and password?';
}
