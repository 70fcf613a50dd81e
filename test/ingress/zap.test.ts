import { afterEach, describe, expect, it } from 'vitest';
import { Context, Request } from 'zeromq';
import type { Security } from '../../src/core/security.ts';
import { ZapHandler } from '../../src/ingress/zap/handler.ts';
import { plain } from '../support/security.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function handler(security: Security = plain) {
  const refused: string[] = [];
  const context = new Context();
  const onRefused = (peer: string, why: string) => refused.push(`${peer}: ${why}`);
  const zap = new ZapHandler({ context, security, onRefused });
  await zap.open();
  const client = new Request({ context, linger: 0, receiveTimeout: 5_000 });
  client.connect('inproc://zeromq.zap.01');
  cleanups.push(
    () => zap.close(),
    () => client.close(),
  );
  const ask = async (...parts: readonly string[]) => {
    await client.send([...parts]);
    return (await client.receive()).map(String);
  };
  return { refused, ask };
}

const request = (mechanism: string, ...credentials: readonly string[]) =>
  ['1.0', 'id-7', 'zmq', '10.0.0.7', '', mechanism, ...credentials] as const;

describe('the ZAP handler', () => {
  it('answers 200 to who has the password, and 300 to others, whom it names', async () => {
    const { ask, refused } = await handler();
    expect(await ask(...request('PLAIN', plain.username, plain.password))).toEqual([
      '1.0',
      'id-7',
      '200',
      'OK',
      '',
      '',
    ]);
    for (const credentials of [[plain.username, 'x'], ['x', plain.password], [plain.username], []])
      expect((await ask(...request('PLAIN', ...credentials)))[2]).toBe('300');
    expect(new Set(refused)).toEqual(new Set(['10.0.0.7: wrong user name or password']));
  });

  it('lets nobody in with another mechanism', async () => {
    const { ask, refused } = await handler();
    expect((await ask(...request('NULL')))[2]).toBe('300');
    expect(refused).toEqual(['10.0.0.7: it offers NULL']);
  });

  it('lets nobody in whose key is none, and goes on', async () => {
    const { ask, refused } = await handler({ mechanism: 'CURVE', secretKey: '', serverKey: null, allow: [] });
    expect((await ask(...request('CURVE', 'short')))[2]).toBe('300');
    expect(refused).toEqual(['10.0.0.7: it shows 5 bytes instead of a public key']);
    expect((await ask(...request('CURVE', 'k'.repeat(32))))[2]).toBe('200');
  });

  it('goes on after what is no request', async () => {
    const { ask } = await handler();
    expect(await ask('x')).toEqual(['']);
    expect((await ask(...request('PLAIN', plain.username, plain.password)))[2]).toBe('200');
  });
});
