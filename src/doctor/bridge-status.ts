import type { Config } from '../config/config.ts';
import type { SinkStatus, SourceStatus, Status, StreamStatus, StreamsStatus } from '../core/status.ts';

export type Asked =
  | { readonly kind: 'bridge'; readonly status: Status; readonly url: string }
  | { readonly kind: 'foreign'; readonly url: string; readonly why: string }
  | { readonly kind: 'absent'; readonly url: string }
  /** HTTP is off in this configuration. */
  | { readonly kind: 'off' };

/** Those that have lost most come first; more would say the same. */
const streams = 1_000;

/** Asks whoever listens on the HTTP port of this configuration. */
export async function askBridge(
  { http }: Pick<Config, 'http'>,
  { answer, signal }: { readonly answer: number; readonly signal: AbortSignal },
): Promise<Asked> {
  if (http.port === 'off' || http.port === 0) return { kind: 'off' };
  const url = `http://${hostOf(http.host)}:${http.port}`;
  const patience = AbortSignal.any([signal, AbortSignal.timeout(answer)]);
  try {
    const reply = await fetch(`${url}/statusz?streams=${streams}`, { signal: patience });
    const document: unknown = await reply.json();
    if (isStatus(document)) return { kind: 'bridge', url, status: document };
    return { kind: 'foreign', url, why: 'what answers there is no bridge: it has no /statusz, or one of another kind' };
  } catch (error) {
    const refused = ((error as Error).cause as { code?: string } | undefined)?.code;
    if (refused === 'ECONNREFUSED') return { kind: 'absent', url };
    const why = patience.aborted ? 'somebody has the port and does not answer' : 'what answers there is no bridge';
    return { kind: 'foreign', url, why };
  }
}

function hostOf(host: string): string {
  if (['::', '0.0.0.0', '*'].includes(host)) return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

type Kind = 'string' | 'number' | 'boolean' | 'number or null' | 'object or null' | 'list';
type Shape<T> = Readonly<Partial<Record<keyof T, Kind>>>;

/** What is read here of each part; a bridge of another version may have more. */
const shapes = {
  status: { name: 'string', role: 'string', version: 'string', now: 'number', ready: 'boolean', reasons: 'list' },
  source: {
    ...{ name: 'string', endpoint: 'string', mode: 'string', state: 'string', peers: 'number', frames: 'number' },
    ...{ undecodable: 'number', last_frame_at: 'number or null', clock_skew_seconds: 'number or null' },
    ...{ last_trouble: 'object or null', topics: 'list' },
  },
  streams: { known: 'number' },
  stream: { id: 'string', state: 'string', gaps: 'number', missing: 'string' },
  sink: { name: 'string', state: 'string', since: 'number', lag_seconds: 'number' },
} as const satisfies {
  readonly status: Shape<Status>;
  readonly source: Shape<SourceStatus>;
  readonly streams: Shape<StreamsStatus>;
  readonly stream: Shape<StreamStatus>;
  readonly sink: Shape<SinkStatus>;
};

function isStatus(value: unknown): value is Status {
  if (!fits(value, shapes.status) || !fits(value['streams'], shapes.streams)) return false;
  const { sources, sinks, recent_controls: controls, reasons } = value;
  return (
    areAll(sources, shapes.source) &&
    areAll(value['streams']['items'], shapes.stream) &&
    areAll(sinks, shapes.sink) &&
    areAll(controls, {}) &&
    (reasons as readonly unknown[]).every((reason) => typeof reason === 'string')
  );
}

function areAll(value: unknown, shape: Readonly<Record<string, Kind>>): boolean {
  return Array.isArray(value) && value.every((one) => fits(one, shape));
}

function fits(value: unknown, shape: Readonly<Record<string, Kind>>): value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) return false;
  return Object.entries(shape).every(([key, kind]) => is(kind, value[key]));
}

function is(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case 'list':
      return Array.isArray(value);
    case 'number or null':
      return value === null || typeof value === 'number';
    case 'object or null':
      return value === null || isObject(value);
    default:
      return typeof value === kind;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
