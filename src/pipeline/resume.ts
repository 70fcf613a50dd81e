import type { Checkpoint, Held } from '../core/checkpoint.ts';
import { comparePositions } from '../core/checkpoint.ts';
import type { Stream } from '../core/stream.ts';
import type { Opening } from './sequence-state.ts';
import type { Sighting } from './sighting.ts';

/** Where a stream goes on after a restart of the bridge, as the checkpoints of all sinks say. */
export interface Resume {
  readonly stream: Stream;
  /** The newest that any sink knows. */
  readonly epoch: number;
  /** The lowest checkpoint; null where a sink holds nothing of this epoch. */
  readonly lowest: Checkpoint | null;
  /** The furthest one. */
  readonly furthest: Checkpoint;
  readonly opening: Opening | null;
  /** Batches that sinks hold, by number: they show whether the publisher is still the same. */
  readonly sightings: ReadonlyMap<bigint, Sighting>;
}

/**
 * Joins what the sinks hold: recovery starts from the lowest checkpoint, and each lane skips what its sink has. Sinks
 * without checkpoints (null) have no say. Streams that `streamOf` does not know (a source that is gone) are left out.
 */
export function resumesOf(all: readonly Held[], streamOf: (id: string) => Stream | null): Map<string, Resume> {
  const sinks = all.filter((held) => held !== null);
  const resumes = new Map<string, Resume>();
  for (const id of new Set(sinks.flatMap((held) => [...held.keys()]))) {
    const stream = streamOf(id);
    const checkpoints = sinks.map((held) => held.get(id));
    if (stream !== null) resumes.set(id, resumeOf(stream, checkpoints));
  }
  return resumes;
}

function resumeOf(stream: Stream, checkpoints: readonly (Checkpoint | undefined)[]): Resume {
  const sorted = checkpoints.filter((one) => one !== undefined).sort(byPosition);
  const furthest = sorted.at(-1) as Checkpoint;
  const { epoch } = furthest.position;
  const current = sorted.filter(({ position }) => position.epoch === epoch);
  const [lowest = furthest] = current;
  const older = sorted.at(-1 - current.length);
  const isWhole = current.length === checkpoints.length;
  return {
    stream,
    epoch,
    lowest: isWhole ? lowest : null,
    furthest,
    opening: isWhole ? null : openingOf(older),
    sightings: new Map(current.flatMap(sightingOf)),
  };
}

function openingOf(older: Checkpoint | undefined): Opening {
  if (older === undefined) return { kind: 'start' };
  return { kind: 'restart', previousEpoch: older.position.epoch, lastSeq: older.position.seq };
}

function sightingOf({ position: { seq }, ts, hash }: Checkpoint): [bigint, Sighting][] {
  return seq === null || (ts === null && hash === null) ? [] : [[seq, { ts, hash }]];
}

function byPosition(a: Checkpoint, b: Checkpoint): number {
  return comparePositions(a.position, b.position);
}
