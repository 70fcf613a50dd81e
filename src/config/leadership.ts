import type { SinkModule } from '../core/sink.ts';
import type { Config } from './config.ts';
import type { Problems } from './problems.ts';
import type { OriginOf } from './rules.ts';

type Wishes = Pick<Config, 'name' | 'standby' | 'onFenced'> & Readonly<Record<string, unknown>>;

/** One setting that needs something else to be set. */
interface Need {
  readonly key: string;
  readonly value: string;
}

/**
 * Bridges of one name fence each other, so whoever fences needs a name that somebody chose: with the default name any two
 * bridges of one destination would. A standby needs a sink that fences and keeps the lease.
 */
export function checkLeadership(
  wishes: Wishes,
  enabled: readonly SinkModule[],
  origin: OriginOf,
  problems: Problems,
): void {
  const waiting = needsOfWaiting(wishes);
  const fencing = enabled
    .filter((module) => isExactlyOnce(wishes[module.name]))
    .map(({ name }) => ({ key: `${name}.delivery`, value: 'exactly-once' }));
  const needs = [...fencing, ...waiting];
  if (needs.length > 0 && origin('name') === 'default') {
    const asking = needs.map(({ key, value }) => `${key} is ${value} (${origin(key)})`);
    problems.add(
      'name',
      `is ${JSON.stringify(wishes.name)} by default, but ${asking.join(' and ')}: ` +
        'of two bridges with one name the newer stops the older, so give this one a name of its own (BRIDGE_NAME)',
      origin('name'),
    );
  }
  // Where the sinks are wrong, what they would be with that mended is not known.
  const isUnclear = ['sinks', ...enabled.map(({ name }) => name)].some((key) => problems.touches(key));
  if (fencing.length > 0 || isUnclear) return;
  for (const { key, value } of waiting) problems.add(key, `is ${value}, but ${remedyFor(enabled)}`, origin(key));
}

function needsOfWaiting({ standby, onFenced }: Wishes): readonly Need[] {
  return [
    ...(standby ? [{ key: 'standby', value: 'true' }] : []),
    ...(onFenced === 'standby' ? [{ key: 'onFenced', value: 'standby' }] : []),
  ];
}

export function isExactlyOnce(section: unknown): boolean {
  return (section as { readonly delivery?: unknown } | undefined)?.delivery === 'exactly-once';
}

function remedyFor(enabled: readonly SinkModule[]): string {
  const able = enabled.filter(({ settings }) => 'delivery' in settings).map(({ name }) => `${name}.delivery`);
  const remedy =
    able.length > 0
      ? `set ${able.join(' or ')} to exactly-once`
      : 'enable one that has the setting delivery (redis, kafka) and set it to exactly-once';
  return `no enabled sink has delivery exactly-once, and only such a one can tell which bridge is active: ${remedy}`;
}

/** What can be configured but hardly does what was meant: engines dial one address, and only the active bridge listens. */
export function doubtsAboutStandby({ standby, onFenced, sources }: Config): readonly string[] {
  if (!standby && onFenced === 'exit') return [];
  const bound = sources.filter(({ mode }) => mode === 'bind').map(({ name }) => name);
  if (bound.length === 0) return [];
  return [
    `bound ${bound.length === 1 ? 'source' : 'sources'} ${bound.join(', ')}: a standby does not listen before it takes over, ` +
      'and engines that dial in reach only the address they were given; use connect, so that both bridges reach the engines, ' +
      'or make sure that the address follows the active bridge',
  ];
}
