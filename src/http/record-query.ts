import type { RecordBatch } from '../core/batch.ts';
import type { Json, JsonObject } from '../wire/json.ts';

/** Which records a reader wants; an empty list means all. */
export interface RecordQuery {
  /** Parts of stream ids. */
  readonly streams: readonly string[];
  readonly models: readonly string[];
  readonly types: readonly string[];
  /** Whether token ids are asked for. */
  readonly tokens: boolean;
}

/** A query that cannot be answered; the answer's body is its fields. */
export class QueryError extends Error {
  readonly status: 400 | 403;
  readonly key: string;
  readonly value: string;
  readonly remedy: string;

  constructor(status: 400 | 403, key: string, value: string, remedy: string) {
    super(`${key}=${value}: ${remedy}`);
    this.status = status;
    this.key = key;
    this.value = value;
    this.remedy = remedy;
  }

  get body(): Readonly<Record<'error' | 'key' | 'value' | 'remedy', string>> {
    return { error: this.message, key: this.key, value: this.value, remedy: this.remedy };
  }
}

const keys = ['stream', 'model', 'type', 'tokens'];
const longestShown = 100;

/** Reads the query of `/records`; `mayShowTokens` is the setting `http.tokens`. Throws a `QueryError`. */
export function readRecordQuery(query: Readonly<Record<string, unknown>>, mayShowTokens: boolean): RecordQuery {
  for (const key of Object.keys(query)) {
    if (!keys.includes(key)) throw bad(key, valuesOf(query, key)[0] ?? '', `no such key: use ${keys.join(', ')}`);
  }
  return {
    streams: filled(query, 'stream', 'give a part of a stream id, or leave it out'),
    models: filled(query, 'model', 'give the name of a model, or leave it out'),
    types: filled(query, 'type', 'give a type of records, such as BlockStored or StreamGap, or leave it out'),
    tokens: readTokens(query, mayShowTokens),
  };
}

function readTokens(query: Readonly<Record<string, unknown>>, mayShowTokens: boolean): boolean {
  const values = valuesOf(query, 'tokens');
  const wrong = values.find((value) => value !== '0' && value !== '1');
  if (wrong !== undefined) throw bad('tokens', wrong, 'use tokens=1 to see token ids, or leave it out');
  if (!values.includes('1')) return false;
  if (mayShowTokens) return true;
  const remedy = 'this bridge shows no token ids: set http.tokens (HTTP_TOKENS) to true, or leave tokens out';
  throw new QueryError(403, 'tokens', '1', remedy);
}

function filled(query: Readonly<Record<string, unknown>>, key: string, remedy: string): readonly string[] {
  const values = valuesOf(query, key);
  if (values.includes('')) throw bad(key, '', `is empty: ${remedy}`);
  return values;
}

function valuesOf(query: Readonly<Record<string, unknown>>, key: string): readonly string[] {
  const value = query[key];
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

function bad(key: string, value: string, remedy: string): QueryError {
  return new QueryError(400, key.slice(0, longestShown), value.slice(0, longestShown), remedy);
}

/** Whether a batch may hold records that the query asks for. */
export function wantsBatch({ streams, models }: RecordQuery, { stream }: RecordBatch): boolean {
  if (streams.length > 0 && !streams.some((part) => stream.id.includes(part))) return false;
  return models.length === 0 || (stream.model !== null && models.includes(stream.model));
}

/** A record of a whole batch is wanted for any of its events. */
export function wantsRecord({ types }: RecordQuery, record: JsonObject): boolean {
  if (types.length === 0 || isOneOf(types, record)) return true;
  const { events } = record;
  return Array.isArray(events) && events.some((event: Json) => isOneOf(types, event));
}

function isOneOf(types: readonly string[], record: Json): boolean {
  const type = (record as { readonly type?: Json } | null)?.type;
  return typeof type === 'string' && types.includes(type);
}
