import type { Config } from '../config/config.ts';

/** What a running bridge says of itself, as far as it is needed here; an older one says less. */
export interface BridgeStatus {
  readonly name: string;
  readonly role: string;
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly sources: readonly SourceState[];
  readonly streams: readonly StreamState[];
  readonly streamsKnown: number;
  readonly sinks: readonly SinkState[];
  /** Unix seconds, by the clock of the bridge. */
  readonly now: number;
}

export interface SourceState {
  readonly name: string;
  readonly endpoint: string;
  readonly mode: string;
  readonly state: string;
  readonly peers: number;
  readonly frames: number;
  readonly undecodable: number;
  readonly lastFrameAt: number | null;
  readonly skew: number | null;
  readonly trouble: string | null;
}

export interface StreamState {
  readonly id: string;
  readonly gaps: number;
  readonly missing: string;
}

export interface SinkState {
  readonly name: string;
  readonly state: string;
  readonly message: string | null;
  readonly lag: number;
}

export type Asked =
  | { readonly kind: 'bridge'; readonly status: BridgeStatus; readonly url: string }
  | { readonly kind: 'foreign'; readonly url: string; readonly why: string }
  | { readonly kind: 'absent'; readonly url: string }
  /** HTTP is off in this configuration. */
  | { readonly kind: 'off' };

/** Asks whoever listens on the HTTP port of this configuration. */
export async function askBridge(
  { http, name }: Pick<Config, 'http' | 'name'>,
  { answer, signal }: { readonly answer: number; readonly signal: AbortSignal },
): Promise<Asked> {
  if (http.port === 'off' || http.port === 0) return { kind: 'off' };
  const everywhere = ['::', '0.0.0.0', '*'].includes(http.host);
  const host = everywhere ? '127.0.0.1' : http.host.includes(':') ? `[${http.host}]` : http.host;
  const url = `http://${host}:${http.port}`;
  const patience = AbortSignal.any([signal, AbortSignal.timeout(answer)]);
  try {
    for (const path of ['/statusz?streams=1000', '/readyz']) {
      const reply = await fetch(`${url}${path}`, { signal: patience });
      const document = asObject(await reply.json());
      if (typeof document['ready'] === 'boolean') return { kind: 'bridge', url, status: readStatus(document, name) };
    }
    return { kind: 'foreign', url, why: 'it knows neither /statusz nor /readyz' };
  } catch (error) {
    const refused = ((error as Error).cause as { code?: string } | undefined)?.code;
    if (refused === 'ECONNREFUSED') return { kind: 'absent', url };
    return {
      kind: 'foreign',
      url,
      why: patience.aborted ? 'it does not answer' : 'it does not speak as a bridge does',
    };
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** Another version may lack fields, or have others: what is missing is taken for nothing. */
function readStatus(status: Fields, name: string): BridgeStatus {
  const streams = asObject(status['streams']);
  const reasons = asList(status['reasons']).map((reason) =>
    typeof reason === 'string' ? reason : JSON.stringify(reason),
  );
  return {
    name: text(status['name']) ?? name,
    role: text(status['role']) ?? 'active',
    ready: status['ready'] === true,
    reasons,
    sources: asList(status['sources']).map((one) => readSource(asObject(one))),
    streams: asList(streams['items']).map((one) => readStream(asObject(one))),
    streamsKnown: number(streams['known']),
    sinks: asList(status['sinks']).map((one) => readSink(asObject(one))),
    now: number(status['now']),
  };
}

function readSource(one: Fields): SourceState {
  return {
    name: text(one['name']) ?? '?',
    endpoint: text(one['endpoint']) ?? '?',
    mode: text(one['mode']) ?? '?',
    state: text(one['state']) ?? '?',
    peers: number(one['peers']),
    frames: number(one['frames']),
    undecodable: number(one['undecodable']),
    lastFrameAt: typeof one['last_frame_at'] === 'number' ? one['last_frame_at'] : null,
    skew: typeof one['clock_skew_seconds'] === 'number' ? one['clock_skew_seconds'] : null,
    trouble: text(asObject(one['last_trouble'])['message']),
  };
}

function readStream(one: Fields): StreamState {
  return { id: text(one['id']) ?? '?', gaps: number(one['gaps']), missing: text(one['missing']) ?? '0' };
}

function readSink(one: Fields): SinkState {
  return {
    name: text(one['name']) ?? '?',
    state: text(one['state']) ?? '?',
    message: text(one['message']),
    lag: number(one['lag_seconds']),
  };
}

function asObject(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
