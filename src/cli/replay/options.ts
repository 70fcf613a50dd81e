import { readEndpoint } from '../../config/endpoint.ts';
import { fromText } from '../../config/formats.ts';
import { shownArgument } from '../../config/mask.ts';
import { suggestion } from '../../config/nearest.ts';
import { ConfigError } from '../../core/errors.ts';
import { sinkModules } from '../../sinks/registry.ts';

/** The flags of `replay` beside those of the settings, as commander names them. */
export interface ReplayFlags {
  readonly to: string;
  readonly speed: string;
  readonly topic: readonly string[];
  readonly bind?: true;
  readonly replay?: string;
  readonly settle: string;
  readonly hold: string;
  readonly partial?: true;
  readonly json?: true;
}

/** Where frames go: into sinks, or out of sockets. */
export type ReplayTarget =
  | { readonly kind: 'sinks'; readonly names: readonly string[] }
  | ({ readonly kind: 'endpoint' } & EndpointTarget);

export interface EndpointTarget {
  readonly endpoint: string;
  readonly bind: boolean;
  /** Where replays are answered; null: nowhere. */
  readonly replay: string | null;
  /** Milliseconds. */
  readonly settle: number;
  readonly hold: number;
}

/** Throws a `ConfigError` that names flag, value and remedy. */
export function readTarget(flags: ReplayFlags): ReplayTarget {
  const { to } = flags;
  if (!/^\w+:\/\//.test(to)) return sinksOf(flags);
  // As engines do it: whoever names no address listens.
  const bind = flags.bind === true || /^tcp:\/\/\*:/.test(to);
  check('--to', to, bind ? 'bind' : 'connect');
  if (flags.replay !== undefined) check('--replay', flags.replay, 'bind');
  const times = { settle: durationOf('settle', flags.settle), hold: durationOf('hold', flags.hold) };
  return { kind: 'endpoint', endpoint: to, bind, replay: flags.replay ?? null, ...times };
}

function sinksOf({ to, bind, replay }: ReplayFlags): ReplayTarget {
  const names = to.split(',').map((name) => name.trim());
  const known = sinkModules.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const forms = `${suggestion(unknown, known)}; or give an endpoint (tcp://host:port)`;
    throw new ConfigError(`--to ${shownArgument(unknown)} is no sink; ${forms}`);
  }
  if (bind === true || replay !== undefined)
    throw new ConfigError(`${bind === true ? '--bind' : '--replay'} belongs to an endpoint: give --to tcp://host:port`);
  return { kind: 'sinks', names };
}

/** How many times faster than it was; infinite for `max`. */
export function readSpeed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const speed = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (speed > 0) return speed;
  throw new ConfigError(
    `--speed ${shownArgument(text)} is no speed: use 1 for the original timing, 10 for ten times that, or max`,
  );
}

function durationOf(flag: string, text: string): number {
  const value = fromText('duration', text);
  if (typeof value === 'number' && value >= 0) return value;
  throw new ConfigError(`--${flag} ${shownArgument(text)} is no duration: write it like 10s or 5m`);
}

function check(flag: string, endpoint: string, mode: 'bind' | 'connect'): void {
  const complaint = readEndpoint(endpoint, mode);
  if (typeof complaint === 'string') throw new ConfigError(`${flag} ${shownArgument(endpoint)} ${complaint}`);
}
