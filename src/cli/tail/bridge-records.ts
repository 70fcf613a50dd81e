import type { IncomingMessage } from 'node:http';
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { BridgeError, messageOf } from '../../core/errors.ts';
import type { Filter } from './filter.ts';

export interface RecordsRequest {
  readonly url: URL;
  readonly filter: Filter;
  readonly tokens: boolean;
  readonly signal: AbortSignal;
  /** What else could be given instead; said where no bridge answers. */
  readonly otherwise: string;
}

/** How long a bridge may take to begin its answer, ms. */
const patience = 10_000;
/** A connection whose other end is gone without a word is noticed after this long, ms. */
const keepAlive = 30_000;

/**
 * The lines of `/records` of a bridge, from now on. Not by fetch: that gives an answer up which is silent for five minutes,
 * and refuses URLs with a login. Throws a `BridgeError`: `BRIDGE_AWAY` where trying again may help, else `BRIDGE_REFUSED`.
 */
export async function openRecords(request: RecordsRequest): Promise<AsyncIterable<string>> {
  const { url, signal, otherwise } = request;
  let answer: IncomingMessage;
  try {
    answer = await answerOf(targetOf(request), signal);
  } catch (error) {
    const message = `no bridge answers at ${shown(url)} (${reasonOf(error)}): check http.port and http.host of the bridge`;
    throw new BridgeError('BRIDGE_AWAY', `${message}${otherwise}`, { cause: error });
  }
  if (answer.statusCode !== 200) throw await refusal(answer, url);
  return linesOf(answer.setEncoding('utf8'));
}

/** Without a password. */
export function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname === '/' ? '' : pathname}`;
}

/** A host with several addresses fails with an AggregateError whose own message is empty. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join(', ');
  return messageOf(error);
}

function targetOf({ url, filter, tokens }: RecordsRequest): URL {
  const target = new URL(url);
  target.pathname = `${url.pathname.replace(/\/+$/, '')}/records`;
  if (filter.stream !== null) target.searchParams.set('stream', filter.stream);
  if (filter.model !== null) target.searchParams.set('model', filter.model);
  for (const type of filter.types) target.searchParams.append('type', type);
  if (tokens) target.searchParams.set('tokens', '1');
  return target;
}

function answerOf(target: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const get = target.protocol === 'https:' ? getSecure : getPlain;
  return new Promise((resolve, reject) => {
    const request = get(target, { signal, agent: false }, (answer) => {
      request.setTimeout(0);
      answer.socket.setKeepAlive(true, keepAlive);
      resolve(answer);
    });
    request.setTimeout(patience, () => request.destroy(new Error(`no answer within ${patience / 1_000} s`)));
    request.once('error', reject);
  });
}

/** Read one after the other: what is not shown yet waits at the bridge, which says what it had to skip. */
async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const text of texts) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}

/** Its own words, where it has some. */
async function refusal(answer: IncomingMessage, url: URL): Promise<BridgeError> {
  const { statusCode: status = 0, headers } = answer;
  const { error, message } = (parse(await textOf(answer)) ?? {}) as {
    readonly error?: unknown;
    readonly message?: unknown;
  };
  const said = [error, message].find((one) => typeof one === 'string') ?? hintFor(status, headers.location);
  const code = status >= 500 ? 'BRIDGE_AWAY' : 'BRIDGE_REFUSED';
  return new BridgeError(code, `${shown(url)} answered ${status}: ${said}`);
}

function hintFor(status: number, location: string | undefined): string {
  if (status === 404) return 'it knows no /records: is this a bridge, and new enough?';
  if (status >= 300 && status < 400 && location !== undefined && URL.canParse(location))
    return `it is elsewhere: try ${shown(new URL(location)).replace(/\/records$/, '')}`;
  return 'no reason given';
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of answer.setEncoding('utf8')) {
      text += chunk;
      if (text.length > 10_000) break;
    }
  } catch {
    // What came of it is enough.
  }
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
