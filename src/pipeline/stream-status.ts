import type { Position } from '../core/checkpoint.ts';
import type { Completeness, PositionStatus, StreamState, StreamStatus, StreamsStatus } from '../core/status.ts';
import type { LaneStanding } from './lane-standing.ts';
import type { StreamEntry } from './stream-entry.ts';

/** How many streams of each source are how complete. */
export type StandingBySource = ReadonlyMap<string, Record<Completeness, number>>;

export interface StreamsStanding {
  readonly bySource: StandingBySource;
  /** Every stream, the worst first, and among equals the one that was heard of last. */
  readonly entries: readonly StreamEntry[];
}

/** Judges every stream; `all` has the least recently used first. */
export function standingOf(all: Iterable<StreamEntry>, lanes: Lanes): StreamsStanding {
  const bySource = new Map<string, Record<Completeness, number>>();
  const groups: Record<Completeness, StreamEntry[]> = { exact: [], recovering: [], degraded: [] };
  for (const entry of all) {
    const completeness = completenessOf(entry, lanes);
    const { source } = entry.stream;
    const counts = bySource.get(source) ?? { exact: 0, recovering: 0, degraded: 0 };
    counts[completeness] += 1;
    bySource.set(source, counts);
    groups[completeness].push(entry);
  }
  const { exact, recovering, degraded } = groups;
  return { bySource, entries: [...degraded.reverse(), ...recovering.reverse(), ...exact.reverse()] };
}

/** Of each sink, by its name. */
export type Lanes = ReadonlyMap<string, LaneStanding>;

export interface Selection {
  readonly limit: number;
  /** Part of the id. */
  readonly text: string;
}

export function streamsStatus({ entries }: StreamsStanding, lanes: Lanes, { limit, text }: Selection): StreamsStatus {
  const items: StreamStatus[] = [];
  for (const entry of entries) {
    if (items.length >= limit) break;
    if (entry.stream.id.includes(text)) items.push(statusOf(entry, lanes));
  }
  return { known: entries.length, shown: items.length, items };
}

function statusOf(entry: StreamEntry, lanes: Lanes): StreamStatus {
  const { stream, state, tally, peer } = entry;
  const { id, source, topic, pod, model, rank } = stream;
  const { events, gaps, restarts, duplicates, undecodable } = tally;
  return {
    ...{ id, source, topic, pod, model, rank, peer },
    state: stateOf(entry),
    completeness: completenessOf(entry, lanes),
    epoch: state?.epoch ?? null,
    seq: decimal(state?.last ?? null),
    last_event_at: tally.isSeen ? entry.touchedAt / 1_000 : null,
    ...{ events, gaps },
    missing: String(tally.missing),
    recovered: String(tally.recovered),
    ...{ restarts, duplicates, undecodable },
    sinks: Object.fromEntries([...lanes].map(([sink, lane]) => [sink, positionOf(lane.settled(entry))])),
  };
}

function stateOf({ held, state, tally }: StreamEntry): StreamState {
  if (held !== undefined) return 'recovering';
  if (state === undefined) return 'live';
  if (state.mode !== 'numbered') return state.mode;
  return tally.isSeen ? 'live' : 'resumed';
}

function completenessOf(entry: StreamEntry, lanes: Lanes): Completeness {
  const { held, state, tally } = entry;
  if (tally.hasGap || (state !== undefined && state.mode !== 'numbered')) return 'degraded';
  for (const lane of lanes.values()) if (lane.hasGap(entry)) return 'degraded';
  return held === undefined ? 'exact' : 'recovering';
}

function positionOf(position: Position | null): PositionStatus | null {
  return position === null ? null : { epoch: position.epoch, seq: decimal(position.seq) };
}

function decimal(value: bigint | null): string | null {
  return value === null ? null : String(value);
}
