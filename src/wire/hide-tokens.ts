import { fieldKinds } from './fields.ts';
import type { Json, JsonObject } from './json.ts';

/** Fields of an event that hold token ids. */
const tokenFields: ReadonlySet<string> = new Set(
  [...fieldKinds].filter(([, kind]) => kind === 'tokens').map(([name]) => name),
);

/**
 * The record without what people typed: token ids are replaced by their number (`"token_ids_hidden":16` in the place of
 * `token_ids`), the raw bytes of an `Undecodable` as well (`raw_hidden`: characters), and lists of numbers in fields that
 * nobody knows by `{"hidden":n}`. Everything else stays as it is, in its order.
 */
export function hideTokens(record: JsonObject): JsonObject {
  return mapEntries(record, (key, value) => {
    if (key === 'raw' && typeof value === 'string') return ['raw_hidden', value.length];
    if (key === 'event') return [key, hideInEvent(value)];
    if (key === 'events' && Array.isArray(value)) return [key, value.map(hideInEvent)];
    return [key, key === 'batch_extra' ? hideNumbers(value) : value];
  });
}

function hideInEvent(event: Json): Json {
  if (!isObject(event)) return event;
  return mapEntries(event, (key, value) => {
    if (tokenFields.has(key) && Array.isArray(value)) return [`${key}_hidden`, value.length];
    if (key === 'event') return [key, hideInEvent(value)];
    return [key, key === 'extra' ? hideNumbers(value) : value];
  });
}

function hideNumbers(value: Json): Json {
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isNumeric)) return { hidden: value.length };
    return value.map(hideNumbers);
  }
  return isObject(value) ? mapEntries(value, (key, inner) => [key, hideNumbers(inner)]) : value;
}

/** Integers beyond 2^53 stand as `{"$int":"..."}`. */
function isNumeric(value: Json): boolean {
  return typeof value === 'number' || (isObject(value) && '$int' in value);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Not by assignment: a key `__proto__` would be lost. */
function mapEntries(object: JsonObject, change: (key: string, value: Json) => [string, Json]): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => change(key, value)));
}
