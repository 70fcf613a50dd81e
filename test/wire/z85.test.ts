import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { curveKeyPair } from 'zeromq';
import { publicKeyOf } from '../../src/ingress/curve-keys.ts';
import { fromZ85, toZ85 } from '../../src/wire/z85.ts';

describe('Z85', () => {
  it('is that of RFC 32', () => {
    const bytes = Buffer.from('864fd26fb559f75b', 'hex');
    expect(toZ85(bytes)).toBe('HelloWorld');
    expect(fromZ85('HelloWorld')).toEqual(bytes);
  });

  it('gives back all bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const text = toZ85(Buffer.from(bytes));
        expect(text).toHaveLength(40);
        expect(fromZ85(text)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it.each(['Hell', 'Hello World', 'Hell"', '#####', '%nSc1', "Hell'", 'Hello\n'])('is not %j', (text) => {
    expect(fromZ85(text)).toBeNull();
  });
});

describe('the public key of a secret one', () => {
  it('is that which libzmq makes with it', () => {
    for (let i = 0; i < 20; i += 1) {
      const { publicKey, secretKey } = curveKeyPair();
      expect(publicKeyOf(secretKey)).toBe(publicKey);
    }
  });
});
