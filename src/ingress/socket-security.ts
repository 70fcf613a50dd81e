import type { Security } from '../core/security.ts';
import { publicKeyOf } from './curve-keys.ts';

/** A peer that is refused for now would stay connected for as long (libzmq: 30 s), and dials again only then. */
const handshakeInterval = 10_000;

/** Options of a zeromq.js socket that dials, so that libzmq uses this mechanism. */
export function clientOptions(security: Security) {
  switch (security.mechanism) {
    case 'NULL':
      return {};
    case 'PLAIN':
      return { plainUsername: security.username, plainPassword: security.password };
    case 'CURVE': {
      const { serverKey: curveServerKey, secretKey: curveSecretKey } = security;
      return { curveServerKey, curveSecretKey, curvePublicKey: publicKeyOf(curveSecretKey) };
    }
  }
}

/** Options of a zeromq.js socket that listens. Credentials are looked at by the context's ZAP handler, which sees the domain. */
export function serverOptions(security: Security, zapDomain: string) {
  switch (security.mechanism) {
    case 'NULL':
      return {};
    case 'PLAIN':
      return { plainServer: true, zapDomain, handshakeInterval };
    case 'CURVE':
      return { curveServer: true, curveSecretKey: security.secretKey, zapDomain, handshakeInterval };
  }
}

/** What to look at where a handshake with an engine fails; empty: nothing in particular. */
export function hintOf({ mechanism }: Security, mode: 'bind' | 'connect'): string {
  if (mechanism === 'NULL') return '';
  if (mechanism === 'CURVE')
    return mode === 'connect'
      ? 'does the engine want CURVE, is curveServerKey its public key, and does it let the key of the bridge in?'
      : 'does the engine want CURVE, and know the public key of the bridge?';
  return 'does the engine want PLAIN, with the same user name and password?';
}
