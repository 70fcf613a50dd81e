import type { Config } from '../config/config.ts';
import { readEndpoint } from '../config/endpoint.ts';
import { fromText } from '../config/formats.ts';
import type { Layers } from '../config/load.ts';
import { shownArgument } from '../config/mask.ts';
import { ConfigError } from '../core/errors.ts';

/** The flags of `doctor` beside those of the settings, as commander names them. */
export interface DoctorFlags {
  readonly json?: true;
  readonly wait: string;
  readonly only?: string;
  readonly replay?: string;
  readonly bind: boolean;
}

export interface DoctorOptions {
  readonly isJson: boolean;
  /** Milliseconds. */
  readonly wait: number;
  readonly sources: boolean;
  readonly sinks: boolean;
  readonly binds: boolean;
}

const defaultPort = 5_557;
const longestWait = 3_600_000;

/** Throws a `ConfigError` that names flag, value and remedy. */
export function readDoctorFlags(flags: DoctorFlags, endpoints: readonly string[]): DoctorOptions {
  const { only, replay, json, bind } = flags;
  if (only !== undefined && only !== 'sources' && only !== 'sinks')
    throw new ConfigError(`--only ${shownArgument(only)} is unknown: use sources or sinks`);
  if (only === 'sinks' && endpoints.length > 0)
    throw new ConfigError('--only sinks looks at no endpoint: leave out the endpoints, or the flag');
  if (replay !== undefined && endpoints.length !== 1)
    throw new ConfigError(
      '--replay belongs to one endpoint: name exactly one, e.g. doctor tcp://engine:5557 --replay tcp://engine:5558',
    );
  return {
    isJson: json === true,
    wait: waitOf(flags.wait),
    sources: only !== 'sinks',
    sinks: only !== 'sources',
    binds: bind,
  };
}

/**
 * The endpoints of the command line in place of the configured sources: everything else (topics, sinks, ranks) stays as
 * configured. `*` as host is one that engines dial in to.
 */
export function withEndpoints(layers: Layers, endpoints: readonly string[], replay: string | undefined): Layers {
  if (endpoints.length === 0) return layers;
  const sources = endpoints.map((given, index) => {
    const endpoint = complete(given);
    const mode = /^tcp:\/\/\*:/.test(endpoint) ? 'bind' : 'connect';
    const complaint = readEndpoint(endpoint, mode);
    if (typeof complaint === 'string') throw new ConfigError(`endpoint ${shownArgument(given)} ${complaint}`);
    const name = endpoints.length === 1 ? 'endpoint' : `endpoint-${index + 1}`;
    return { name, [mode]: endpoint, ...(replay === undefined ? {} : { replay: complete(replay) }) };
  });
  return { ...layers, flags: { ...layers.flags, sources: JSON.stringify(sources) } };
}

/** What people type: a host, or host and port. */
function complete(text: string): string {
  if (/^\w+:\/\//.test(text)) return text;
  const hasPort = /^(?:\*|[\w.-]+|\[[^\]]*\]):\d+$/.test(text);
  return `tcp://${text}${hasPort ? '' : `:${defaultPort}`}`;
}

function waitOf(text: string): number {
  const value = fromText('duration', text);
  if (typeof value === 'number' && value >= 0 && value <= longestWait) return value;
  throw new ConfigError(`--wait ${shownArgument(text)} is no duration: write it like 10s or 500ms, at most 1h`);
}

/** Sinks are looked at where they are the point: the whole configuration, or sinks that somebody has named. */
export function sinksOf(config: Config, endpoints: readonly string[], origin: string | undefined): readonly string[] {
  return endpoints.length === 0 || (origin ?? 'default') !== 'default' ? config.sinks : [];
}
