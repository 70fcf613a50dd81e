import type { SinkModule } from '../core/sink.ts';
import type { Config, SourceConfig } from './config.ts';
import type { PortRange } from './endpoint.ts';
import { describePorts, overlaps, portsOf } from './endpoint.ts';
import { suggestion } from './nearest.ts';
import type { Problems } from './problems.ts';

/** Where the value of a key came from. */
export type OriginOf = (path: string) => string;

export function checkName(name: string, origin: OriginOf, problems: Problems): void {
  if (/^[A-Za-z0-9._-]{1,100}$/.test(name)) return;
  problems.add(
    'name',
    `${JSON.stringify(name.slice(0, 120))} must be 1 to 100 letters, digits, ".", "_" or "-"`,
    origin('name'),
  );
}

/** The enabled sinks' modules; empty when anything is wrong with the list. */
export function checkSinks(
  sinks: readonly string[],
  modules: readonly SinkModule[],
  origin: OriginOf,
  problems: Problems,
): readonly SinkModule[] {
  const known = modules.map((module) => module.name);
  if (sinks.length === 0) problems.add('sinks', `is empty: name at least one of ${known.join(', ')}`, origin('sinks'));
  for (const sink of new Set(sinks.filter((sink) => !known.includes(sink)))) {
    problems.add('sinks', `${JSON.stringify(sink)} is no sink; ${knownSinks(sink, known)}`, origin('sinks'));
  }
  for (const sink of repeated(sinks))
    problems.add('sinks', `${JSON.stringify(sink)} is there twice: once is enough`, origin('sinks'));
  return modules.filter((module) => sinks.includes(module.name));
}

function knownSinks(sink: string, known: readonly string[]): string {
  const hint = suggestion(sink, known);
  return hint.startsWith('known') ? hint : `${hint} (known: ${known.join(', ')})`;
}

function repeated(words: readonly string[]): readonly string[] {
  return [...new Set(words.filter((word, index) => words.indexOf(word) !== index))];
}

/** Names and ports are each taken once. */
export function checkSources(
  sources: readonly SourceConfig[],
  http: Config['http'],
  origin: OriginOf,
  problems: Problems,
): void {
  for (const name of repeated(sources.map((source) => source.name))) {
    problems.add(
      'sources',
      `two sources have the name ${JSON.stringify(name)}: every name is used once`,
      origin('sources'),
    );
  }
  for (const { name, dataParallelSize } of sources.filter(({ sequenceScope }) => sequenceScope === 'topic')) {
    if (dataParallelSize > 1) problems.add('sources', sharedCounter(name, dataParallelSize), origin('sources'));
  }
  const keyed = sources.map((source, index) => ({
    source,
    key: `source ${JSON.stringify(source.name)} (number ${index + 1})`,
  }));
  const tcp = (mode: SourceConfig['mode']) =>
    keyed.flatMap(({ source, key }) =>
      source.mode === mode && source.endpoint.startsWith('tcp:') ? (portsOf(source, key) ?? []) : [],
    );
  const httpPort: readonly PortRange[] =
    typeof http.port === 'number' && http.port > 0
      ? [
          {
            key: `http.port (${origin('http.port')})`,
            host: http.host.toLowerCase(),
            first: http.port,
            last: http.port,
          },
        ]
      : [];
  for (const [a, b] of overlaps([...httpPort, ...tcp('bind')], true)) clash(a, b, 'are both bound', problems);
  for (const [a, b] of overlaps(tcp('connect'), false))
    clash(a, b, 'would both receive every event of the same engine', problems);
  for (const endpoint of repeated(
    sources.filter(({ endpoint }) => endpoint.startsWith('ipc:')).map(({ endpoint }) => endpoint),
  )) {
    problems.add('sources', `two sources use ${endpoint}: every endpoint is used once`, origin('sources'));
  }
}

/** One counter on several sockets has no order: what comes first on one may be the later number. */
function sharedCounter(name: string, ranks: number): string {
  return `source ${JSON.stringify(name)} has dataParallelSize ${ranks} and sequenceScope topic: ranks that share one counter publish on one port, ranks with ports of their own count on their own; keep one of the two`;
}

function clash(a: PortRange, b: PortRange, why: string, problems: Problems): void {
  problems.add(
    'sources',
    `${a.key}, ${describePorts(a)}, and ${b.key}, ${describePorts(b)}, ${why}: give one of them another port`,
  );
}

/** The bound default source counts its ranks up from `zmq.port`. */
export function checkDefaultPorts(source: SourceConfig, origin: OriginOf, problems: Problems): void {
  const port = Number(source.endpoint.slice(source.endpoint.lastIndexOf(':') + 1));
  const last = port + source.dataParallelSize - 1;
  if (port === 0 && source.dataParallelSize > 1) {
    problems.add(
      'zmq.port',
      `0 (any free port) does not go with zmq.dataParallelSize ${source.dataParallelSize}: engines count the ranks' ports up from a known one`,
      origin('zmq.port'),
    );
  }
  if (last > 65_535) {
    problems.add(
      'zmq.port',
      `${port} with zmq.dataParallelSize ${source.dataParallelSize} needs ports up to ${last}: 65535 is the last`,
      origin('zmq.port'),
    );
  }
}
