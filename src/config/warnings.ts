import type { Catalogue } from './catalogue.ts';
import type { Environment } from './environment.ts';
import { isServiceLink, secretFileVariable } from './environment.ts';
import type { Given } from './given.ts';
import { nearest } from './nearest.ts';

/** What is allowed but surely not meant: variables that nothing reads. Values are not repeated, they may be secret. */
export function warningsOf(
  env: Environment,
  catalogue: Catalogue,
  effective: ReadonlyMap<string, Given>,
): readonly string[] {
  return [...listenerPort(env, effective), ...unreadOfDefaultSource(effective), ...unknownVariables(env, catalogue)];
}

function listenerPort(env: Environment, effective: ReadonlyMap<string, Given>): readonly string[] {
  const value = env['LISTENER_PORT'];
  if (value === undefined || isServiceLink('LISTENER_PORT', value)) return [];
  const origin = effective.get('zmq.port')?.origin ?? 'default';
  return [`LISTENER_PORT is set but not read: the bridge reads ZMQ_PORT (zmq.port now comes from: ${origin})`];
}

function unreadOfDefaultSource(effective: ReadonlyMap<string, Given>): readonly string[] {
  if (!effective.has('sources')) return [];
  return ['zmq.port', 'replay.endpoint'].flatMap((path) => {
    const given = effective.get(path);
    if (given === undefined) return [];
    const name = path.slice(path.indexOf('.') + 1);
    return `${path} (${given.origin}) is not read, because sources are configured: write its ${name} into an entry of sources or unset it`;
  });
}

function unknownVariables(env: Environment, catalogue: Catalogue): readonly string[] {
  const known = catalogue.leaves.flatMap((leaf) =>
    leaf.setting.secret ? [leaf.env, secretFileVariable(leaf)] : [leaf.env],
  );
  const prefixes = sectionPrefixes(catalogue);
  return Object.entries(env)
    .filter(([name, value]) => value !== undefined && looksLikeOurs(name, value, prefixes))
    .filter(([name]) => !known.includes(name))
    .map(([name]) => unknownVariable(name, known));
}

function sectionPrefixes(catalogue: Catalogue): readonly string[] {
  return [
    ...new Set(catalogue.leaves.filter((leaf) => leaf.section !== '').map((leaf) => `${leaf.section.toUpperCase()}_`)),
  ];
}

function looksLikeOurs(name: string, value: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => name.startsWith(prefix)) && !isServiceLink(name, value) && name !== 'HTTP_PROXY';
}

function unknownVariable(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'see docs/configuration.md for the known ones';
  return `the environment variable ${name} names no setting and is not read; ${hint}`;
}
