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
  // Usually none: with 10 000 streams it matters what is looked at for each.
  const lacking = lanesWithGaps(lanes);
  for (const entry of all) {
    const completeness = completenessOf(entry, lacking);
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
  const lacking = lanesWithGaps(lanes);
  for (const entry of entries) {
    if (items.length >= limit) break;
    if (entry.stream.id.includes(text)) items.push(statusOf(entry, lanes, lacking));
  }
  return { known: entries.length, shown: items.length, items };
}

/** Written out: with thousands of streams once a second, spreading parts of objects is what it would cost. */
function statusOf(entry: StreamEntry, lanes: Lanes, lacking: readonly LaneStanding[]): StreamStatus {
  const { stream, state, tally } = entry;
  return {
    id: stream.id,
    source: stream.source,
    topic: stream.topic,
    pod: stream.pod,
    model: stream.model,
    rank: stream.rank,
    peer: entry.peer,
    state: stateOf(entry),
    completeness: completenessOf(entry, lacking),
    epoch: state?.epoch ?? null,
    seq: decimal(state?.last ?? null),
    last_event_at: tally.isSeen ? entry.touchedAt / 1_000 : null,
    events: tally.events,
    gaps: tally.gaps,
    missing: String(tally.missing),
    recovered: String(tally.recovered),
    restarts: tally.restarts,
    duplicates: tally.duplicates,
    undecodable: tally.undecodable,
    sinks: positionsOf(entry, lanes),
  };
}

function positionsOf(entry: StreamEntry, lanes: Lanes): StreamStatus['sinks'] {
  const positions: Record<string, PositionStatus | null> = {};
  for (const [sink, lane] of lanes) positions[sink] = positionOf(lane.settled(entry));
  return positions;
}

function stateOf({ held, state, tally }: StreamEntry): StreamState {
  if (held !== undefined) return 'recovering';
  if (state === undefined) return 'live';
  if (state.mode !== 'numbered') return state.mode;
  return tally.isSeen ? 'live' : 'resumed';
}

function lanesWithGaps(lanes: Lanes): LaneStanding[] {
  return [...lanes.values()].filter(({ hasGaps }) => hasGaps);
}

function completenessOf(entry: StreamEntry, lacking: readonly LaneStanding[]): Completeness {
  const { held, state, tally } = entry;
  if (tally.hasGap || (state !== undefined && state.mode !== 'numbered')) return 'degraded';
  if (lacking.some((lane) => lane.hasGap(entry))) return 'degraded';
  return held === undefined ? 'exact' : 'recovering';
}

function positionOf(position: Position | null): PositionStatus | null {
  return position === null ? null : { epoch: position.epoch, seq: decimal(position.seq) };
}

function decimal(value: bigint | null): string | null {
  return value === null ? null : String(value);
}
