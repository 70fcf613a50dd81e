import type { SourceConfig } from './config.ts';

/** A ZeroMQ endpoint that was understood. */
export type Endpoint =
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number }
  | { readonly transport: 'ipc'; readonly path: string };

const tcp =
  /^tcp:\/\/(\*|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?\]):(\d{1,5})$/;

/** The parts of an endpoint, or what is wrong with it and what to write instead. */
export function readEndpoint(text: string, mode: 'bind' | 'connect'): Endpoint | string {
  if (text.startsWith('ipc://'))
    return text.length > 6 ? { transport: 'ipc', path: text.slice(6) } : 'has no path: write ipc:///run/kv/events';
  if (!text.startsWith('tcp://')) return 'must begin with tcp:// or ipc://, e.g. tcp://*:5557';
  const match = tcp.exec(text);
  const [, host = '', digits = ''] = match ?? [];
  if (match === null)
    return text.split(':').length > 3 ? unbracketed : 'must be tcp://host:port with a port from 1 to 65535';
  const port = Number(digits);
  if (port < 1 || port > 65_535 || digits.startsWith('0')) return `has the port ${digits}: must be from 1 to 65535`;
  if (host === '*' && mode === 'connect') return 'has no host to dial: * is only for bind';
  return { transport: 'tcp', host: host.toLowerCase(), port };
}

const unbracketed = 'must be tcp://host:port; an IPv6 address stands in brackets: tcp://[fd00::7]:5557';

/** Ports on a host that a source or the HTTP server takes for itself, both ends included. */
export interface PortRange {
  readonly key: string;
  readonly host: string;
  readonly first: number;
  readonly last: number;
}

/** The ports of one source; null for ipc and for port 0. */
export function portsOf(source: SourceConfig, key: string): PortRange | null {
  return portsAt(source.endpoint, source.dataParallelSize, key);
}

/** The ports of `ranks` ranks from this endpoint's up; null for ipc and for port 0. */
export function portsAt(endpoint: string, ranks: number, key: string): PortRange | null {
  const match = /^tcp:\/\/(.+):(\d+)$/.exec(endpoint);
  const [, host = '', digits = ''] = match ?? [];
  const first = Number(digits);
  return first === 0 ? null : { key, host: host.toLowerCase(), first, last: first + ranks - 1 };
}

/** Pairs of ranges that share a port; with `wildcards`, `*` and the like are every host. */
export function overlaps(
  ranges: readonly PortRange[],
  wildcards: boolean,
): readonly (readonly [PortRange, PortRange])[] {
  const sameHost = (a: PortRange, b: PortRange) =>
    a.host === b.host || (wildcards && (isEveryHost(a.host) || isEveryHost(b.host)));
  return ranges.flatMap((b, index) =>
    ranges
      .slice(0, index)
      .filter((a) => sameHost(a, b) && a.first <= b.last && b.first <= a.last)
      .map((a) => [a, b] as const),
  );
}

function isEveryHost(host: string): boolean {
  return ['*', '0.0.0.0', '::', '[::]'].includes(host);
}

export function describePorts(range: PortRange): string {
  return range.first === range.last ? `port ${range.first}` : `ports ${range.first} to ${range.last}`;
}
