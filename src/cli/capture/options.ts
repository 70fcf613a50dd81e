import { readEndpoint } from '../../config/endpoint.ts';
import { fromText } from '../../config/formats.ts';
import type { Layers } from '../../config/load.ts';
import { shownArgument } from '../../config/mask.ts';
import { ConfigError } from '../../core/errors.ts';

/** The flags of `capture` beside those of the settings, as commander names them. */
export interface CaptureFlags {
  readonly bind: readonly string[];
  readonly duration?: string;
  readonly count?: string;
  readonly maxBytes?: string;
  readonly force?: true;
  readonly json?: true;
}

/** When a capture ends by itself; null: not for this reason. */
export interface CaptureEnds {
  /** Milliseconds. */
  readonly duration: number | null;
  readonly frames: number | null;
  readonly bytes: number | null;
}

const defaultPort = 5_557;
const smallestFile = 4_096;

/** Throws a `ConfigError` that names flag, value and remedy. */
export function readEnds({ duration, count, maxBytes }: CaptureFlags): CaptureEnds {
  return {
    duration:
      duration === undefined ? null : limit('duration', duration, { least: 1, remedy: 'write it like 30s or 5m' }),
    frames: count === undefined ? null : countOf(count),
    bytes:
      maxBytes === undefined
        ? null
        : limit('bytes', maxBytes, {
            least: smallestFile,
            remedy: 'write it like 100MiB, at least 4KiB',
            flag: 'max-bytes',
          }),
  };
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new ConfigError(`--count ${shownArgument(text)} must be a whole number from 1`);
}

function limit(
  format: 'duration' | 'bytes',
  text: string,
  { least, remedy, flag = format }: { readonly least: number; readonly remedy: string; readonly flag?: string },
): number {
  const value = fromText(format, text);
  if (typeof value === 'number' && value >= least) return value;
  throw new ConfigError(`--${flag} ${shownArgument(text)} is not allowed: ${remedy}`);
}

/**
 * The endpoints of the command line in place of the configured sources: everything else (topics, transport) stays as
 * configured. Named like the source that exists when none is configured, so that records of a replay are, too.
 */
export function withSources(layers: Layers, endpoints: readonly string[], binds: readonly string[]): Layers {
  const given = [
    ...endpoints.map((endpoint) => ['connect', complete(endpoint)] as const),
    ...binds.map((endpoint) => ['bind', complete(endpoint)] as const),
  ];
  if (given.length === 0) return layers;
  const sources = given.map(([asked, endpoint], index) => {
    const mode = /^tcp:\/\/\*:/.test(endpoint) ? 'bind' : asked;
    const complaint = readEndpoint(endpoint, mode);
    if (typeof complaint === 'string') throw new ConfigError(`endpoint ${shownArgument(endpoint)} ${complaint}`);
    return { name: index === 0 ? 'zmq' : `zmq-${index + 1}`, [mode]: endpoint };
  });
  return { ...layers, flags: { ...layers.flags, sources: JSON.stringify(sources) } };
}

/** What people type: a host, or host and port. */
function complete(text: string): string {
  if (/^\w+:\/\//.test(text)) return text;
  const hasPort = /^(?:\*|[\w.-]+|\[[^\]]*\]):\d+$/.test(text);
  return `tcp://${text}${hasPort ? '' : `:${defaultPort}`}`;
}
