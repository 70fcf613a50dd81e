import { fieldKinds, readField, slotName, typesWithHashes } from './fields.ts';
import type { JsonObject } from './json.ts';
import { emptyObject } from './json.ts';
import type { UndecodableReason } from './message.ts';
import type { MemoryBudget } from './msgpack/limits.ts';
import { cost, MsgpackError } from './msgpack/limits.ts';
import { readDocument } from './msgpack/reader.ts';
import type { MapValue, Value } from './msgpack/value.ts';
import { isList, isMap } from './msgpack/value.ts';
import { taggedMap } from './tagged.ts';

export type Encoding = 'array' | 'map' | 'bin_array' | 'bin_map';

export interface ReadEvent {
  readonly ok: true;
  readonly type: string;
  readonly encoding: Encoding;
  readonly fields: JsonObject;
}

export interface BadEvent {
  readonly ok: false;
  readonly reason: UndecodableReason;
  readonly message: string;
}

/** What the bridge itself says in its records: an engine that sends one of these would forge it. */
const reservedTypes: ReadonlySet<string> = new Set([
  'StreamStarted',
  'StreamGap',
  'StreamRestarted',
  'StreamRecovered',
  'StreamShared',
  'EmptyBatch',
  'Undecodable',
  'SourceRemoved',
  'Batch',
  'DeadLetter',
]);

/** Mooncake with its legacy aliases switched off has `event_type` and no `type`. */
const typesOfEventType: ReadonlyMap<Value, string> = new Map([
  ['stored', 'BlockStored'],
  ['removed', 'BlockRemoved'],
]);

/** SGLang puts these into its metadata map; consumers look for them under the names vLLM gave them. */
const promoted = ['cache_salt', 'session_id'] as const;

/**
 * One event in any of its encodings; a bin holds an event of its own (llm-d file-system backend). Throws `MsgpackError`
 * only when the message as a whole is too large.
 */
export function readEvent(value: Value, budget: MemoryBudget): ReadEvent | BadEvent {
  if (!Buffer.isBuffer(value)) return readPlain(value, budget);
  try {
    const event = readPlain(readDocument(value, budget).value, budget);
    return event.ok ? { ...event, encoding: event.encoding === 'map' ? 'bin_map' : 'bin_array' } : event;
  } catch (error) {
    if (!(error instanceof MsgpackError) || error.fault === 'too_large') throw error;
    return bad(`bytes that are no event: ${error.message}`);
  }
}

function readPlain(value: Value, budget: MemoryBudget): ReadEvent | BadEvent {
  if (isList(value)) return readArray(value, budget);
  return isMap(value) ? readMap(value, budget) : bad('neither a list nor a map');
}

function readArray(slots: readonly Value[], budget: MemoryBudget): ReadEvent | BadEvent {
  const type = slots[0];
  if (typeof type !== 'string' || type === '') return bad('a list that does not begin with the event type');
  if (reservedTypes.has(type)) return reserved(type);
  const builder = new FieldsBuilder(budget);
  for (let slot = 1; slot < slots.length; slot += 1) {
    const value = slots[slot] ?? null;
    builder.add(slotName(type, slot, value), `#${slot}`, value);
  }
  return finish(type, 'array', builder);
}

function readMap(map: MapValue, budget: MemoryBudget): ReadEvent | BadEvent {
  const type = map.has('type') ? map.get('type') : typesOfEventType.get(map.get('event_type') ?? null);
  if (typeof type !== 'string' || type === '') return bad('a map without an event type');
  if (reservedTypes.has(type)) return reserved(type);
  const builder = new FieldsBuilder(budget);
  for (const [key, value] of map) {
    if (key !== 'type') builder.add(typeof key === 'string' ? key : undefined, key, value);
  }
  return finish(type, 'map', builder);
}

function finish(type: string, encoding: Encoding, builder: FieldsBuilder): ReadEvent | BadEvent {
  if (typesWithHashes.has(type) && builder.hasBadHashes) return bad('block_hashes is not a list of hashes');
  return { ok: true, type, encoding, fields: builder.build() };
}

function bad(message: string): BadEvent {
  return { ok: false, reason: 'bad_event', message };
}

function reserved(type: string): BadEvent {
  return { ok: false, reason: 'reserved_type', message: `the type ${type} is the bridge's own` };
}

class FieldsBuilder {
  readonly #budget: MemoryBudget;
  readonly #fields = emptyObject();
  readonly #extra = new Map<Value, Value>();
  #metadata: MapValue | undefined;
  hasBadHashes = false;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** A value whose field has no name, or that does not fit its field, is kept under its key or slot. */
  add(name: string | undefined, key: Value, value: Value): void {
    const kind = name === undefined ? undefined : fieldKinds.get(name);
    const json = kind === undefined ? undefined : readField(kind, value);
    if (name !== undefined && json !== undefined) {
      this.#fields[name] = json;
      if (kind === 'metadata' && isMap(value)) this.#metadata = value;
      return;
    }
    this.#budget.spend(cost.slot);
    this.#extra.set(key, value);
    if (kind === 'hashes') this.hasBadHashes = true;
  }

  build(): JsonObject {
    for (const name of promoted) {
      const value = this.#metadata?.get(name);
      const given = name in this.#fields || this.#extra.has(name);
      if (typeof value === 'string' && !given) this.#fields[name] = value;
    }
    if (this.#extra.size > 0) this.#fields['extra'] = taggedMap(this.#extra);
    return this.#fields;
  }
}
