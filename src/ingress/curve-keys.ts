import { createPrivateKey, createPublicKey } from 'node:crypto';
import { curveKeyPair } from 'zeromq';
import { fromZ85, toZ85 } from '../wire/z85.ts';

/** What PKCS #8 has before the 32 bytes of an X25519 key (RFC 8410). */
const header = Buffer.from('302e020100300506032b656e04220420', 'hex');
const keyBytes = 32;

/** A pair as libzmq makes it, Z85. */
export function newKeyPair(): { readonly publicKey: string; readonly secretKey: string } {
  return curveKeyPair();
}

/** The public key of a secret one, both Z85: keys of CURVE are X25519. The secret one must be 40 characters of Z85. */
export function publicKeyOf(secretKey: string): string {
  const secret = fromZ85(secretKey) ?? Buffer.alloc(0);
  const key = createPrivateKey({ key: Buffer.concat([header, secret]), format: 'der', type: 'pkcs8' });
  return toZ85(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-keyBytes));
}
