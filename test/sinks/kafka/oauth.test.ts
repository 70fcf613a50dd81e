import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { OauthTokens } from '../../../src/sinks/kafka/oauth.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** On a token endpoint that numbers its tokens. */
async function tokensFor(expires_in: unknown): Promise<OauthTokens> {
  let given = 0;
  const server = createServer((_, response) => {
    given += 1;
    response.end(JSON.stringify({ access_token: `token-${given}`, expires_in }));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return new OauthTokens({ tokenFile: null, tokenUrl, clientId: 'a', clientSecret: 'b', scope: null }, 5_000);
}

/** Of two logins, some time apart. */
async function twoLogins(tokens: OauthTokens): Promise<string[]> {
  const first = await tokens.token();
  const began = Date.now();
  await expect.poll(() => Date.now()).toBeGreaterThan(began + 1);
  return [first, await tokens.token()];
}

describe('OAuth tokens', () => {
  it('serve until shortly before they end', async () => {
    expect(await twoLogins(await tokensFor(3_600))).toEqual(['token-1', 'token-1']);
    expect(await twoLogins(await tokensFor(30))).toEqual(['token-1', 'token-2']);
  });

  it.each([undefined, null, 'soon', -1])(
    'serve once where the endpoint says %s of their lifetime',
    async (lifetime) => {
      expect(await twoLogins(await tokensFor(lifetime))).toEqual(['token-1', 'token-2']);
    },
  );

  it('are fetched anew once forgotten', async () => {
    const tokens = await tokensFor(3_600);
    await tokens.token();
    tokens.forget();
    expect(await tokens.token()).toBe('token-2');
  });
});
