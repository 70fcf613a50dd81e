import type { Json } from './json.ts';
import type { Value } from './msgpack/value.ts';
import { isInteger, isList, isMap, RawText } from './msgpack/value.ts';
import { tagged, taggedMap } from './tagged.ts';

/** What a named field may hold; every kind but `hashes` also takes an explicit nil. */
export type FieldKind = 'hashes' | 'hash' | 'tokens' | 'integer' | 'text' | 'texts' | 'list' | 'metadata';

/** Names are vLLM's; see docs/records.md for which engine sends which. The same for every event type. */
export const fieldKinds: ReadonlyMap<string, FieldKind> = new Map([
  ['block_hashes', 'hashes'],
  ['parent_block_hash', 'hash'],
  ['token_ids', 'tokens'],
  ['block_size', 'integer'],
  ['lora_id', 'integer'],
  ['medium', 'text'],
  ['lora_name', 'text'],
  ['extra_keys', 'list'],
  ['group_idx', 'integer'],
  ['kv_cache_spec_kind', 'text'],
  ['kv_cache_spec_sliding_window', 'integer'],
  ['locality', 'text'],
  ['ownership', 'text'],
  ['session_id', 'text'],
  ['cache_salt', 'text'],
  ['lookahead_token_ids', 'tokens'],
  ['skipped_parent_block_hash', 'hash'],
  ['skipped_token_ids', 'tokens'],
  ['skipped_extra_keys', 'list'],
  ['mm_keys', 'list'],
  ['block_mm_infos', 'list'],
  ['token_offset', 'integer'],
  ['metadata', 'metadata'],
  ['component_types', 'texts'],
]);

/** Names of array slots 1, 2, ... by tag: vLLM v0.23's layout, of which all others are prefixes. */
export const slotsByType: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'BlockStored',
    [
      'block_hashes',
      'parent_block_hash',
      'token_ids',
      'block_size',
      'lora_id',
      'medium',
      'lora_name',
      'extra_keys',
      'group_idx',
      'kv_cache_spec_kind',
      'kv_cache_spec_sliding_window',
    ],
  ],
  ['BlockRemoved', ['block_hashes', 'medium', 'group_idx']],
  // ROCm ATOM; everybody else sends the tag alone.
  ['AllBlocksCleared', ['medium']],
]);

/** Unknown tags (ATOM's BlockTransferred) begin with their hashes as well. */
const slotsOfUnknown: readonly string[] = ['block_hashes'];

/** Types that cannot be told without their hashes. */
export const typesWithHashes: ReadonlySet<string> = new Set(['BlockStored', 'BlockRemoved']);

/** The name of an array slot; slot 7 of BlockStored depends on what is in it. Undefined: no name. */
export function slotName(type: string, slot: number, value: Value): string | undefined {
  const name = (slotsByType.get(type) ?? slotsOfUnknown)[slot - 1];
  if (name !== 'lora_name') return name;
  if (isMap(value)) return 'metadata';
  return isList(value) ? 'component_types' : name;
}

/** The JSON of a named field, or undefined where the value is of another kind. */
export function readField(kind: FieldKind, value: Value): Json | undefined {
  if (value === null) return kind === 'hashes' ? undefined : null;
  switch (kind) {
    case 'hash':
      return readHash(value);
    case 'integer':
      return readInteger(value);
    case 'text':
      return readText(value);
    case 'metadata':
      return isMap(value) ? taggedMap(value) : undefined;
    default:
      return isList(value) ? readList(kind, value) : undefined;
  }
}

function readList(kind: 'hashes' | 'tokens' | 'texts' | 'list', list: readonly Value[]): Json | undefined {
  switch (kind) {
    case 'hashes':
      return mapAll(list, readHash);
    case 'tokens':
      return readTokens(list);
    case 'texts':
      return mapAll(list, readText);
    case 'list':
      return list.map(tagged);
  }
}

function readText(value: Value): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** An integer as JSON: decimal text where a JSON number could be rounded. */
export function readInteger(value: Value): number | string | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'bigint' ? String(value) : undefined;
}

/** Integers as signed decimal, bytes as `0x` + hex; a str stands for bytes (encoders without a bin type). */
function readHash(value: Value): string | undefined {
  if (isInteger(value)) return String(value);
  if (Buffer.isBuffer(value)) return `0x${value.toString('hex')}`;
  if (typeof value === 'string') return `0x${Buffer.from(value).toString('hex')}`;
  return value instanceof RawText ? `0x${value.bytes.toString('hex')}` : undefined;
}

/** Token ids in whatever shape they came: numbers, strings (TensorRT-LLM), pairs (EAGLE), lists per block. */
function readTokens(tokens: readonly Value[]): readonly Json[] | undefined {
  // Nearly always plain numbers: then the list itself is the JSON.
  return tokens.every(isNumber) ? tokens : mapAll(tokens, readToken);
}

function isNumber(value: Value): value is number {
  return typeof value === 'number';
}

function readToken(token: Value): Json | undefined {
  if (typeof token === 'string') return token;
  return isList(token) ? readTokens(token) : readInteger(token);
}

/** Undefined as soon as one item has no JSON. */
function mapAll<T extends Json>(list: readonly Value[], read: (value: Value) => T | undefined): T[] | undefined {
  const result: T[] = [];
  for (const item of list) {
    const json = read(item);
    if (json === undefined) return undefined;
    result.push(json);
  }
  return result;
}
