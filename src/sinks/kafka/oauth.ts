import { readFile } from 'node:fs/promises';
import { messageOf, SinkError } from '../../core/errors.ts';
import type { KafkaConfig } from './settings.ts';

type OauthConfig = KafkaConfig['sasl']['oauth'];

/** How long before its end a token is no longer used, ms. */
const margin = 30_000;

interface Token {
  readonly value: string;
  readonly usableUntil: number;
}

/** Tokens for SASL OAUTHBEARER: from a file, or by the client credentials grant. Asked at every login of a connection. */
export class OauthTokens {
  readonly #config: OauthConfig;
  readonly #timeout: number;
  #cached: Token | null = null;

  /** `timeout`: how long the token endpoint may take, ms. */
  constructor(config: OauthConfig, timeout: number) {
    this.#config = config;
    this.#timeout = timeout;
  }

  async token(): Promise<string> {
    const { tokenFile, tokenUrl } = this.#config;
    if (tokenFile !== null) return readToken(tokenFile);
    if (this.#cached === null || Date.now() > this.#cached.usableUntil)
      this.#cached = await this.#fetch(tokenUrl ?? '');
    return this.#cached.value;
  }

  /** The brokers refused the token: however long it was meant to last, the next one is fetched. */
  forget(): void {
    this.#cached = null;
  }

  async #fetch(url: string): Promise<Token> {
    const { clientId, clientSecret, scope } = this.#config;
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (scope !== null) form.set('scope', scope);
    // RFC 6749 2.3.1: both are form-encoded before they are joined.
    const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64');
    const asked = Date.now();
    let response: Response;
    let text: string;
    try {
      const signal = AbortSignal.timeout(this.#timeout);
      const headers = { authorization: `Basic ${basic}`, accept: 'application/json' };
      response = await fetch(url, { method: 'POST', headers, body: form, signal });
      text = await response.text();
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      throw oauthError('transient', `the token endpoint does not answer: ${messageOf(cause)}`, error);
    }
    if (!response.ok) throw refusal(response.status);
    return tokenIn(text, asked);
  }
}

async function readToken(path: string): Promise<string> {
  try {
    const token = (await readFile(path, 'utf8')).trim();
    if (token !== '') return token;
  } catch (error) {
    throw oauthError('destination', `kafka.sasl.oauth.tokenFile cannot be read: ${messageOf(error)}`, error);
  }
  throw oauthError('destination', `kafka.sasl.oauth.tokenFile: ${path} is empty`);
}

function refusal(status: number): SinkError {
  const passing = status >= 500 || status === 408 || status === 429;
  const remedy = 'check kafka.sasl.oauth.tokenUrl, clientId, clientSecret and scope';
  return oauthError(passing ? 'transient' : 'destination', `the token endpoint answered ${status}; ${remedy}`);
}

function tokenIn(text: string, asked: number): Token {
  let answer: { access_token?: unknown; expires_in?: unknown } | null = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // Said below, without the text: it might hold a token.
  }
  if (typeof answer?.access_token !== 'string' || answer.access_token === '') {
    throw oauthError(
      'destination',
      'the token endpoint answered without an access_token; check kafka.sasl.oauth.tokenUrl',
    );
  }
  const lifetime = Number(answer.expires_in) * 1_000;
  // Without a lifetime that can be read it serves for one login.
  return { value: answer.access_token, usableUntil: lifetime > margin ? asked + lifetime - margin : asked };
}

function oauthError(kind: 'transient' | 'destination', message: string, cause?: unknown): SinkError {
  return new SinkError({ kind, code: 'OAUTH_TOKEN', message, cause });
}
