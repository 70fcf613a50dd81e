import type { RecordBatch, RecordForm } from '../core/batch.ts';
import type { Checkpoint, Position } from '../core/checkpoint.ts';
import type { SeqRange } from '../core/stream.ts';
import type { Failure } from '../wire/message.ts';
import type { ReadBatch } from '../wire/reading.ts';
import type { Control, Envelope, Rendered } from '../wire/records.ts';
import { renderControl } from '../wire/records.ts';
import type { Forms } from './passage.ts';
import type { Verdict } from './sequence-state.ts';
import type { StreamEntry } from './streams.ts';

/** What identifies the batch that carries a number; null for records that stand for no frame. */
interface Carried {
  readonly ts: number | null;
  readonly hash: number;
}

interface Step {
  readonly checkpoint: Checkpoint;
  readonly follows: Position | null;
}

/** The records of one batch, in every form that a lane wants. */
export function batchRecords(
  entry: StreamEntry,
  place: { readonly envelope: Envelope; readonly covers: SeqRange },
  batch: ReadBatch,
  { hash, forms }: { readonly hash: number; readonly forms: ReadonlySet<RecordForm> },
): Forms {
  const { envelope, covers } = place;
  const engineTime = engineTimeOf(batch);
  const { checkpoint, follows } = advance(entry, covers, { ts: batch.ts, hash });
  const about: About = { covers, engineTime, frames: 1, frameEnds: null, checkpoint, follows };
  const made: { -readonly [Form in RecordForm]?: RecordBatch } = {};
  if (forms.has('event')) made.event = toBatch(envelope, batch.render(envelope, 'event'), about);
  if (forms.has('batch')) made.batch = toBatch(envelope, batch.render(envelope, 'batch'), about);
  if (batch.failures.length > 0) entry.controls.addUndecodable(made);
  return made;
}

/** The records of several batches of consecutive numbers, in the only form that is asked for. */
export function runRecords(
  entry: StreamEntry,
  { envelope, covers }: { readonly envelope: Envelope; readonly covers: SeqRange },
  form: RecordForm,
  run: RunParts,
): Forms {
  const { rendered, engineTime, frameEnds, last } = run;
  const { checkpoint, follows } = advance(entry, covers, last);
  const frames = frameEnds.length;
  const about = { covers, engineTime, frames, frameEnds: frames > 1 ? frameEnds : null, checkpoint, follows };
  const made = toBatch(envelope, rendered, about);
  return form === 'event' ? { event: made } : { batch: made };
}

export interface RunParts {
  readonly rendered: Rendered;
  /** Of the first batch. */
  readonly engineTime: number | null;
  /** For each batch, how many records there are up to its last one. */
  readonly frameEnds: readonly number[];
  /** Identifies the last batch. */
  readonly last: Carried;
}

/** Milliseconds since 1970. */
export function engineTimeOf({ ts, tsUnit }: Pick<ReadBatch, 'ts' | 'tsUnit'>): number | null {
  return ts === null || tsUnit === 'ms' ? ts : ts * 1000;
}

/** The record of a frame that could not be read. */
export function undecodableRecord(
  entry: StreamEntry,
  place: { readonly envelope: Envelope; readonly covers: SeqRange },
  failure: Failure,
  hash: number,
): Forms {
  const { envelope, covers } = place;
  const step = advance(entry, covers, { ts: null, hash });
  const rendered = renderControl(envelope, { type: 'Undecodable', failure });
  const about: About = { covers, engineTime: null, frames: 1, frameEnds: null, ...step };
  return noted(entry, toBatch(envelope, rendered, about));
}

/** The control records due before a frame with this verdict; `reason` is that of a gap. */
export function controlRecords(entry: StreamEntry, envelope: Envelope, verdict: Verdict, reason: string): Forms[] {
  switch (verdict.kind) {
    case 'start':
      return [
        markRecord(entry, envelope, { type: 'StreamStarted', joined: verdict.joined, peer: entry.peer }),
        ...(verdict.missing === null ? [] : [gapRecord(entry, envelope, verdict.missing, reason)]),
      ];
    case 'gap':
      return [gapRecord(entry, envelope, verdict.missing, reason)];
    case 'restart': {
      const { previousEpoch, lastSeq, missing } = verdict;
      const restarted = { type: 'StreamRestarted', previousEpoch, lastSeq } as const;
      if (missing === null) return [markRecord(entry, envelope, restarted)];
      // Where the new incarnation begins for the reader: numbers in ids never fall, and the gap comes behind this.
      return [
        markRecord(entry, numbered(envelope, missing.from), restarted),
        gapRecord(entry, envelope, missing, reason),
      ];
    }
    case 'shared':
      return [markRecord(entry, envelope, { type: 'StreamShared' })];
    default:
      return [];
  }
}

/** A control record that stands for no number of its own. */
export function markRecord(entry: StreamEntry, envelope: Envelope, said: Control): Forms {
  const step = advance(entry, { epoch: envelope.epoch, numbered: false }, null);
  const rendered = renderControl(envelope, said);
  return noted(entry, toBatch(envelope, rendered, { covers: null, ...control, ...step }));
}

function gapRecord(
  entry: StreamEntry,
  envelope: Envelope,
  { from, to }: { readonly from: bigint; readonly to: bigint },
  reason: string,
): Forms {
  const said = { type: 'StreamGap', from, to, missing: to - from + 1n, reason } as const;
  const covers = { epoch: envelope.epoch, from, to, numbered: true };
  const gap = numbered(envelope, from);
  const step = advance(entry, covers, null);
  return noted(entry, toBatch(gap, renderControl(gap, said), { covers, ...control, ...step }));
}

/** Moves the stream to its next position. */
function advance(
  entry: StreamEntry,
  at: { readonly epoch: number; readonly to?: bigint; readonly numbered: boolean },
  carried: Carried | null,
): Step {
  const before = entry.checkpoint;
  const sameEpoch = before !== null && before.position.epoch === at.epoch;
  const follows = before?.position ?? null;
  if (at.numbered && at.to !== undefined) {
    const position = { epoch: at.epoch, seq: at.to, sub: 0 };
    entry.checkpoint = { position, ts: carried?.ts ?? null, hash: carried?.hash ?? null };
  } else {
    const last = sameEpoch ? before : { position: { seq: null, sub: 0 }, ts: null, hash: null };
    const { seq, sub } = last.position;
    entry.checkpoint = { position: { epoch: at.epoch, seq, sub: sub + 1 }, ts: last.ts, hash: last.hash };
  }
  return { checkpoint: entry.checkpoint, follows };
}

type About = Pick<RecordBatch, 'covers' | 'engineTime' | 'frames' | 'frameEnds' | 'checkpoint' | 'follows'>;

const control = { engineTime: null, frames: 0, frameEnds: null } as const;

function toBatch(
  { stream, receivedAt, origin }: Envelope,
  { bytes, ends, memory }: Rendered,
  about: About,
): RecordBatch {
  // No spread: this is made for every batch.
  const { covers, engineTime, frames, frameEnds, checkpoint, follows } = about;
  return {
    stream,
    bytes,
    ends,
    memory,
    receivedAt,
    origin,
    covers,
    engineTime,
    frames,
    frameEnds,
    checkpoint,
    follows,
  };
}

/** A control record is the same in every form. */
function noted(entry: StreamEntry, record: RecordBatch): Forms {
  entry.controls.add(record);
  return { event: record, batch: record };
}

function numbered(envelope: Envelope, seq: bigint): Envelope {
  return { ...envelope, seq, ordinal: String(seq) };
}
