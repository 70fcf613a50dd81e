import type { TruthValue, WireValue } from './value.ts';
import { encodeValue, hashText, isList, plain } from './value.ts';

/** One KV-cache fact under vLLM's names, not yet in any encoding. */
export interface CacheEvent {
  readonly type: string;
  readonly fields: Readonly<Record<string, WireValue>>;
}

/** The ground truth of one event: what a lossless reader must find on the wire. */
export type TruthEvent = { readonly type: string } & Readonly<Record<string, TruthValue>>;

/** One event as it goes into a batch, with its truth. */
export interface WireEvent {
  readonly wire: WireValue;
  readonly truth: TruthEvent;
}

/**
 * `array`: vLLM up to v0.23; `map`: vLLM from v0.24; `legacy`: the first vLLM, six slots and batches without a rank;
 * `bin`: llm-d's file-system backend, every event a msgpack bin of its own.
 */
export const encodings = ['array', 'map', 'legacy', 'bin'] as const;
export type Encoding = (typeof encodings)[number];

/** Fields by array slot; slot 0 is the type. vLLM v0.23 kv_events.py. */
const slots: Readonly<Record<string, readonly string[]>> = {
  BlockStored: [
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
  BlockRemoved: ['block_hashes', 'medium', 'group_idx'],
};

/** Slots behind the type in the first vLLM release. */
const legacySlots: Readonly<Record<string, number>> = { BlockStored: 5, BlockRemoved: 1 };

export function encodeEvent(event: CacheEvent, encoding: Encoding): WireEvent {
  switch (encoding) {
    case 'map':
      return mapEvent(event);
    case 'legacy':
      return arrayEvent(event, legacySlots[event.type]);
    case 'bin':
      return binEvent(arrayEvent(event));
    case 'array':
      return arrayEvent(event);
  }
}

/** An array with `length` slots behind the type (all by default); trailing nils are sent, as msgspec does. */
export function arrayEvent(event: CacheEvent, length?: number): WireEvent {
  const names = (slots[event.type] ?? Object.keys(event.fields)).slice(0, length);
  const fields = Object.fromEntries(names.map((name) => [name, event.fields[name] ?? null]));
  return { wire: [event.type, ...Object.values(fields)], truth: truthOf({ type: event.type, fields }) };
}

export function mapEvent(event: CacheEvent): WireEvent {
  return { wire: { type: event.type, ...event.fields }, truth: truthOf(event) };
}

export function binEvent(event: WireEvent): WireEvent {
  return { wire: encodeValue(event.wire), truth: event.truth };
}

export function truthOf({ type, fields }: CacheEvent): TruthEvent {
  return {
    type,
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, truthField(name, value)])),
  };
}

function truthField(name: string, value: WireValue): TruthValue {
  if (name === 'block_hashes' && isList(value)) return value.map(hashText);
  return name === 'parent_block_hash' ? hashText(value) : plain(value);
}
