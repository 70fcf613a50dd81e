import { StringDecoder } from 'node:string_decoder';
import { BridgeError, messageOf } from '../../core/errors.ts';
import type { Filter } from './filter.ts';
import type { Take } from './show.ts';

export interface BridgeTail {
  readonly url: URL;
  readonly filter: Filter;
  readonly tokens: boolean;
  readonly signal: AbortSignal;
  /** What else could be given instead; said where no bridge answers. */
  readonly otherwise: string;
}

/** Records of a running bridge, from now on. */
export async function tailBridge(tail: BridgeTail, take: Take): Promise<void> {
  const { signal } = tail;
  try {
    const body = await open(tail);
    for await (const line of linesOf(body)) if (!(await take(line, tail.url.href))) return;
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof BridgeError) throw error;
    throw new BridgeError('BRIDGE_GONE', `the connection to ${shown(tail.url)} broke: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  if (!signal.aborted)
    throw new BridgeError('BRIDGE_GONE', `the bridge at ${shown(tail.url)} has closed the connection`);
}

async function open({ url, filter, tokens, signal, otherwise }: BridgeTail): Promise<AsyncIterable<Uint8Array>> {
  const target = new URL(url);
  target.pathname = `${url.pathname.replace(/\/+$/, '')}/records`;
  if (filter.stream !== null) target.searchParams.set('stream', filter.stream);
  if (filter.model !== null) target.searchParams.set('model', filter.model);
  for (const type of filter.types) target.searchParams.append('type', type);
  if (tokens) target.searchParams.set('tokens', '1');
  let response: Response;
  try {
    response = await fetch(target, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    const message = `no bridge answers at ${shown(url)} (${reasonOf(error)}): check http.port and http.host of the bridge`;
    throw new BridgeError('BRIDGE_AWAY', `${message}${otherwise}`, { cause: error });
  }
  if (!response.ok) throw await refusal(response, url);
  if (response.body === null) throw new BridgeError('BRIDGE_AWAY', `the bridge at ${shown(url)} sent no records`);
  return response.body;
}

/** Its own words, where it has some. */
async function refusal(response: Response, url: URL): Promise<BridgeError> {
  const text = (await response.text().catch(() => '')).slice(0, 2_000);
  const { error, message } = (parse(text) ?? {}) as { readonly error?: unknown; readonly message?: unknown };
  const said = [message, error].find((one) => typeof one === 'string');
  const missing =
    response.status === 404 ? 'it knows no /records: is this a bridge, and new enough?' : 'no reason given';
  return new BridgeError('BRIDGE_REFUSED', `${shown(url)} answered ${response.status}: ${said ?? missing}`);
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.write(Buffer.from(chunk))).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Without a password. */
function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname === '/' ? '' : pathname}`;
}

/** fetch hides the system's error behind its own. */
function reasonOf(error: unknown): string {
  const cause = (error as { readonly cause?: unknown } | null)?.cause;
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(messageOf).join(', ');
  return messageOf(cause ?? error);
}
