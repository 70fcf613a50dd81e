import type { RecordBatch, RecordForm } from '../core/batch.ts';
import type { Frame } from '../core/frame.ts';
import type { SeqRange } from '../core/stream.ts';
import type { Envelope } from '../wire/records.ts';
import type { Topic } from '../wire/topic.ts';
import type { Observation, Verdict } from './sequence-state.ts';
import type { Sighting } from './sighting.ts';
import type { Publisher, StreamEntry } from './streams.ts';

/** One batch in the forms that the lanes ask for; a control record is the same object in both. */
export type Forms = Readonly<Partial<Record<RecordForm, RecordBatch>>>;

/** How a frame comes to the intake. */
export interface Passage {
  readonly origin: 'live' | 'replay';
  /** Set where filling the gap before this frame has been tried: the reason that its StreamGap gives. */
  readonly gapReason: string | null;
  /**
   * Whose frame it is known to be: it waited with that stream, or that stream's publisher sent it again. A replayed
   * frame that names another rank is left out: the publisher that answered is not the stream's own.
   */
  readonly entry: StreamEntry | null;
}

/** Straight from a source. */
export const live: Passage = { origin: 'live', gapReason: null, entry: null };

/** Of a gap before this frame. */
export function reasonOf({ gapReason }: Passage): string {
  return gapReason ?? 'no_replay';
}

/** One frame on its way through; null where a part could not be read. */
export interface Arrival {
  readonly frame: Frame;
  readonly publisher: Publisher;
  readonly passage: Passage;
  readonly topic: Topic;
  readonly seq: bigint | null;
  readonly fingerprint: number;
}

/** Numbers that a replay may bring back, before the frame that showed that they are missing. */
export interface Need {
  readonly entry: StreamEntry;
  readonly from: bigint;
  readonly to: bigint;
  /** The frame is one of a new incarnation, which begins before what is brought back. */
  readonly restarts: boolean;
  /** It may as well be one of the known incarnation that a replay has overtaken: the publisher has to be asked. */
  readonly isMaybeLate: boolean;
  /** Batches that were seen, by number. */
  readonly known: ReadonlyMap<bigint, Sighting>;
}

/** What a frame led to: records, in the order they must be written; or it waits behind others, or for what is missing. */
export type Acceptance =
  | { readonly kind: 'records'; readonly all: readonly Forms[] }
  | { readonly kind: 'held'; readonly entry: StreamEntry }
  | { readonly kind: 'need'; readonly need: Need }
  /** The first frame of a stream that goes on from checkpoints: its publisher has to be asked before it is looked at. */
  | { readonly kind: 'check'; readonly entry: StreamEntry };

/** How filling a gap went. */
export interface Recovered {
  /** The range that was missing, both inclusive. */
  readonly from: bigint;
  readonly to: bigint;
  /** How many numbers of it came back, and the last one of them. */
  readonly recovered: bigint;
  readonly last: bigint;
  readonly durationMs: number;
  readonly receivedAt: number;
}

const going = { restarts: false, isMaybeLate: false };

/** What a replay should bring before a frame: a gap, the beginning of a new incarnation, or what was before a late join. */
export function needOf(entry: StreamEntry, verdict: Verdict, { seq, fingerprint }: Observation): Need | null {
  // Nearly every frame.
  if (seq === null || verdict.kind === 'pass') return null;
  const behind: [bigint, Sighting] = [seq, { hash: fingerprint, ts: null }];
  switch (verdict.kind) {
    case 'gap':
      return { entry, ...verdict.missing, ...going, known: knownOf(entry, behind) };
    case 'restart':
      return needOfRestart(entry, verdict, seq, behind);
    case 'start':
      // As above.
      return seq > 0n ? { entry, from: 0n, to: seq - 1n, ...going, known: knownOf(entry, behind) } : null;
    default:
      return null;
  }
}

function needOfRestart(
  entry: StreamEntry,
  verdict: Extract<Verdict, { kind: 'restart' }>,
  seq: bigint,
  behind: [bigint, Sighting],
): Need | null {
  // An opening is that of an epoch which is known already.
  const isKnown = entry.state?.resumed?.opening?.kind === 'restart' && verdict.previousEpoch < entry.state.epoch;
  if (isKnown) {
    const known = knownOf(entry, behind);
    const missing = verdict.missing ?? (seq === 1n ? { from: 0n, to: 0n } : null);
    return missing === null ? null : { entry, ...missing, ...going, known };
  }
  const isMaybeLate = entry.lateUntil !== null && seq <= entry.lateUntil;
  const nothing = isMaybeLate ? { from: seq, to: seq - 1n } : null;
  // Some engines count from 1: whether this one has a 0 it must be asked.
  const missing = verdict.missing ?? (seq === 1n ? { from: 0n, to: 0n } : nothing);
  return missing === null ? null : { entry, ...missing, restarts: true, isMaybeLate, known: new Map([behind]) };
}

function knownOf(entry: StreamEntry, behind: [bigint, Sighting]): ReadonlyMap<bigint, Sighting> {
  return new Map([...sightingsOf(entry), behind]);
}

/** A frame's place in its stream. */
export interface Place {
  readonly kind: 'place';
  readonly envelope: Envelope;
  readonly covers: SeqRange;
  /** Due before the frame's own records. */
  readonly controls: readonly Forms[];
}

/** Batches of the stream's present epoch that are known: of earlier runs, and the last one. */
export function sightingsOf({ checkpoint, sightings }: StreamEntry): Map<bigint, Sighting> {
  const known = new Map(sightings);
  const seq = checkpoint?.position.seq ?? null;
  if (checkpoint === null || seq === null) return known;
  const { hash, ts } = checkpoint;
  if (hash !== null || ts !== null) known.set(seq, { hash, ts });
  return known;
}

/** The number of a frame; null where it has none. */
export function seqOf({ parts }: Frame): bigint | null {
  const number = parts.length === 3 ? parts[1] : undefined;
  return number?.length === 8 ? number.readBigUInt64BE() : null;
}
