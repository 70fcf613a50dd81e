import { nearest } from '../../config/nearest.ts';
import { ConfigError } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../wire/json.ts';
import { bridgeTypes, eventTypes } from '../../wire/record-types.ts';

export interface Filter {
  /** Part of a stream's id. */
  readonly stream: string | null;
  readonly model: string | null;
  /** Empty: all. */
  readonly types: readonly string[];
}

const known: readonly string[] = [...eventTypes, ...bridgeTypes];

/** A word that is nearly a known type is a typo; any other may be an engine's own. */
export function checkTypes(types: readonly string[]): void {
  for (const type of types) {
    const near = known.includes(type) ? [] : nearest(type, known);
    if (near.length === 0 && type !== '') continue;
    const hint = type === '' ? `known: ${known.join(', ')}` : `did you mean ${near.join(' or ')}?`;
    throw new ConfigError(`--type: ${JSON.stringify(type)} is no type of records; ${hint}`);
  }
}

export function passes(record: JsonObject, { stream, model, types }: Filter): boolean {
  if (stream !== null && !String(record['stream']).includes(stream)) return false;
  if (model !== null && record['model'] !== model) return false;
  return types.length === 0 || typesOf(record).some((type) => types.includes(type));
}

/** With one record per batch the types of its events count, too. */
function typesOf(record: JsonObject): readonly string[] {
  const { events } = record;
  const inner = Array.isArray(events) ? (events as readonly Json[]) : [];
  const types = inner.map((event) => (event as { readonly type?: unknown } | null)?.type);
  return [record['type'], ...types].filter((type) => typeof type === 'string');
}
