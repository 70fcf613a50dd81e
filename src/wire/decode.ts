import type { BadEvent, ReadEvent } from './event.ts';
import { readEvent } from './event.ts';
import { readInteger } from './fields.ts';
import type { JsonObject } from './json.ts';
import type { Failure, UndecodableReason } from './message.ts';
import { cost, MemoryBudget, MsgpackError } from './msgpack/limits.ts';
import type { Document } from './msgpack/reader.ts';
import { readDocument } from './msgpack/reader.ts';
import type { MapValue, Value } from './msgpack/value.ts';
import { Float, isList, isMap } from './msgpack/value.ts';
import { taggedMap } from './tagged.ts';

/** The data-parallel rank as sent: absent (two-element batches), nil, or a number (text beyond 2^53-1). */
export type Rank = { readonly present: false } | { readonly present: true; readonly value: number | string | null };

export type DecodedEvent = ReadEvent | { readonly ok: false; readonly failure: Failure };

/** One engine batch; a plain model that no longer refers to the message, `payload` and the `raw` of failures apart. */
export interface DecodedBatch {
  /** As sent, in `tsUnit`; null where it is absent or no finite number. */
  readonly ts: number | null;
  readonly tsUnit: 's' | 'ms';
  readonly rank: Rank;
  /** Surplus slots (`#3`), unknown keys and values that did not fit; null where there are none. */
  readonly extra: JsonObject | null;
  readonly events: readonly DecodedEvent[];
  /** The message this was read from: a view. */
  readonly payload: Buffer;
}

export type Decoded =
  | { readonly ok: true; readonly batch: DecodedBatch }
  | { readonly ok: false; readonly failure: Failure };

/** Events in one batch at most: each becomes a record of several hundred bytes, even where it has one byte on the wire. */
export const maxEvents = 65_536;

/** Seconds since 1970 stay below this until the year 5138; Mooncake sends milliseconds. */
const millisecondsFrom = 1e11;

const absent: Rank = { present: false };

/**
 * Reads the payload of a message: a msgpack batch `[ts, [event, ...], rank]`, or a map with these keys. An event that
 * cannot be read never costs its siblings. Never throws, on no input.
 */
export function decodePayload(payload: Buffer): Decoded {
  const budget = new MemoryBudget();
  try {
    return readBatch(readDocument(payload, budget), payload, budget);
  } catch (error) {
    if (!(error instanceof MsgpackError)) throw error;
    return failed(error.fault, error.message, payload);
  }
}

/** The rank in stream ids: decimal text, null when absent or nil. */
export function rankKey(rank: Rank): string | null {
  return rank.present && rank.value !== null ? String(rank.value) : null;
}

function readBatch({ value, offsets }: Document, payload: Buffer, budget: MemoryBudget): Decoded {
  const parts = isList(value) ? arrayParts(value, budget) : isMap(value) ? mapParts(value) : null;
  if (parts === null)
    return failed('not_a_batch', 'neither [ts, events, ...] nor a map with a list of events', payload);
  const { events, ts, rank, extra } = parts;
  if (events.length > maxEvents) {
    return failed('too_large', `${events.length} events in one batch, at most ${maxEvents}`, payload);
  }
  const ends = offsets.get(events) ?? [];
  const batch: DecodedBatch = {
    ts,
    tsUnit: unitOf(ts),
    rank,
    extra: extra.size === 0 ? null : taggedMap(extra),
    events: events.map((event, index) => {
      const read = readEvent(event, budget);
      return read.ok ? read : badEvent(read, event, payload.subarray(ends[index], ends[index + 1]));
    }),
    payload,
  };
  return { ok: true, batch };
}

export function unitOf(ts: number | null): 's' | 'ms' {
  return ts !== null && ts >= millisecondsFrom ? 'ms' : 's';
}

function badEvent({ reason, message }: BadEvent, event: Value, bytes: Buffer): DecodedEvent {
  return { ok: false, failure: { reason, message, raw: Buffer.isBuffer(event) ? event : bytes } };
}

function failed(reason: UndecodableReason, message: string, raw: Buffer): Decoded {
  return { ok: false, failure: { reason, message, raw } };
}

/** A batch taken apart; `extra` has what found no place, by key or `#slot`. */
interface BatchParts {
  readonly events: readonly Value[];
  readonly ts: number | null;
  readonly rank: Rank;
  readonly extra: MapValue;
}

function arrayParts(slots: readonly Value[], budget: MemoryBudget): BatchParts | null {
  const [time, events, sentRank] = slots;
  if (time === undefined || events === undefined || !isList(events)) return null;
  budget.spend(cost.slot * slots.length);
  const extra = new Map<Value, Value>();
  const ts = readTime(time);
  if (ts === null) extra.set('#0', time);
  const rank = readRank(sentRank);
  if (rank === null) extra.set('#2', sentRank ?? null);
  for (let slot = 3; slot < slots.length; slot += 1) extra.set(`#${slot}`, slots[slot] ?? null);
  return { events, ts, rank: rank ?? absent, extra };
}

/** vLLM once had a map here; `attn_dp_rank` is SGLang's name of the rank. */
function mapParts(map: MapValue): BatchParts | null {
  const events = map.get('events');
  if (events === undefined || !isList(events)) return null;
  const extra = new Map(map);
  extra.delete('events');
  const time = map.get('ts');
  const ts = time === undefined ? null : readTime(time);
  if (ts !== null) extra.delete('ts');
  const rankName = map.has('data_parallel_rank') ? 'data_parallel_rank' : 'attn_dp_rank';
  const rank = readRank(map.get(rankName));
  if (rank !== null) extra.delete(rankName);
  return { events, ts, rank: rank ?? absent, extra };
}

function readTime(value: Value): number | null {
  if (typeof value === 'number') return value;
  return value instanceof Float && Number.isFinite(value.value) ? value.value : null;
}

/** Null: there is something, but it is no rank. */
function readRank(value: Value | undefined): Rank | null {
  if (value === undefined) return absent;
  if (value === null) return { present: true, value: null };
  const number = readInteger(value);
  return number === undefined ? null : { present: true, value: number };
}
