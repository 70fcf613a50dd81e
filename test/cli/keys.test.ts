import { describe, expect, it } from 'vitest';
import { publicKeyOf } from '../../src/ingress/curve-keys.ts';
import { runInMemory } from './memory-edge.ts';

describe('keys', () => {
  it('prints a pair, another one each time', async () => {
    const [first, second] = [await runInMemory(['keys'], {}), await runInMemory(['keys'], {})];
    const [, publicKey, secretKey = ''] = /^public {2}(\S{40})\nsecret {2}(\S{40})\n$/.exec(first.stdout) ?? [];
    expect(publicKeyOf(secretKey)).toBe(publicKey);
    expect(second.stdout).not.toBe(first.stdout);
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('prints JSON where asked', async () => {
    const { publicKey, secretKey } = JSON.parse((await runInMemory(['keys', '--json'], {})).stdout) as Record<
      string,
      string
    >;
    expect(publicKeyOf(secretKey ?? '')).toBe(publicKey);
  });
});
