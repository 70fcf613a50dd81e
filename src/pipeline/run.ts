import type { RecordForm } from '../core/batch.ts';
import type { Frame } from '../core/frame.ts';
import { bytesOf } from '../core/frame.ts';
import type { EventCounts } from '../core/observer.ts';
import type { Appended, ReadBatch, Reading, Run, Transcoder } from '../wire/reading.ts';
import { engineTimeOf, runRecords } from './emission.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Arrival, Forms, Place } from './passage.ts';
import { advanced, isPlain } from './sequence.ts';
import type { StreamEntry } from './streams.ts';

/** Frames that were received together, and which of them is the next. */
export interface FrameList {
  readonly frames: readonly Frame[];
  next: number;
}

/** The frame that was read and turned out to be none of the run; it need not be read again. */
export interface Peeked {
  readonly frame: Frame;
  readonly reading: Reading;
}

/** A readable batch whose place in its stream is known. */
export interface Placed {
  readonly arrival: Arrival;
  readonly entry: StreamEntry;
  readonly place: Place;
  readonly batch: ReadBatch;
}

interface Means {
  readonly form: RecordForm;
  readonly transcoder: Transcoder;
  readonly maxFrameBytes: number;
}

/** What was read together. */
export interface RunOfBatches {
  readonly forms: Forms;
  readonly frames: number;
  /** Of all frames behind the first. */
  readonly bytes: number;
  readonly counts: EventCounts;
  readonly peeked: Peeked | null;
}

/** The records of this batch and of those that simply follow it; null where it has to stay by itself. */
export function readRun(
  placed: Placed,
  list: FrameList,
  { form, transcoder, maxFrameBytes }: Means,
): RunOfBatches | null {
  const { arrival, entry, place, batch } = placed;
  const { envelope, covers } = place;
  if (list.next >= list.frames.length || !covers.numbered || !isUndisturbed(entry)) return null;
  const engineTime = engineTimeOf(batch);
  const run = batch.startRun(envelope, form);
  if (run === null) return null;
  const reader = new RunReader(arrival.frame, batch, run);
  reader.read(list, transcoder, maxFrameBytes);
  const { frameEnds, ts, payload, bytes, counts, peeked } = reader;
  const frames = frameEnds.length;
  const to = covers.from + BigInt(frames - 1);
  const hash = frames === 1 ? arrival.fingerprint : fingerprintOf(payload);
  if (entry.state !== undefined) entry.state = advanced(entry.state, to, hash);
  const where = { envelope, covers: { ...covers, to } };
  const forms = runRecords(entry, where, form, { rendered: run.end(), engineTime, frameEnds, last: { ts, hash } });
  return { forms, frames, bytes, counts, peeked };
}

/** Whether nothing but numbers has to be looked at in the frames that follow. */
function isUndisturbed(entry: StreamEntry): boolean {
  const { held, overlap, lateUntil, isUnchecked, state } = entry;
  return held === undefined && overlap === undefined && lateUntil === null && !isUnchecked && isPlain(state);
}

/** Batches of one stream that came together: consecutive numbers, nothing to be said in between. Nearly all traffic is this. */
class RunReader {
  readonly counts: { -readonly [Type in keyof EventCounts]: EventCounts[Type] };
  /** For each batch, how many records there are up to its last one. */
  readonly frameEnds: number[];
  /** Of all frames behind the first. */
  bytes = 0;
  /** Of the last batch. */
  ts: number | null;
  payload: Buffer;
  peeked: Peeked | null = null;
  readonly #first: Frame;
  readonly #run: Run;
  readonly #high: number;
  #low: number;

  constructor(first: Frame, batch: ReadBatch, run: Run) {
    this.#first = first;
    this.#run = run;
    this.counts = { ...batch.counts };
    this.frameEnds = [run.records];
    this.ts = batch.ts;
    const [, number, payload] = first.parts;
    this.payload = payload as Buffer;
    this.#high = (number as Buffer).readUInt32BE(0);
    this.#low = (number as Buffer).readUInt32BE(4);
  }

  /** Takes what follows from the list, as far as it is of this run. */
  read(list: FrameList, transcoder: Transcoder, maxFrameBytes: number): void {
    for (; list.next < list.frames.length && !this.#run.isFull; list.next += 1) {
      const frame = list.frames[list.next] as Frame;
      if (!this.#follows(frame) || !this.#take(frame, transcoder, maxFrameBytes)) return;
    }
  }

  #follows({ parts, source, peer, connection }: Frame): boolean {
    const first = this.#first;
    if (source !== first.source || peer !== first.peer || connection !== first.connection || parts.length !== 3) {
      return false;
    }
    const [topic, number] = parts as [Buffer, Buffer];
    if (topic !== first.parts[0] && !topic.equals(first.parts[0] as Buffer)) return false;
    if (number.length !== 8) return false;
    // A run ends where the low half begins anew.
    return number.readUInt32BE(4) === this.#low + 1 && number.readUInt32BE(0) === this.#high;
  }

  #take(frame: Frame, transcoder: Transcoder, maxFrameBytes: number): boolean {
    const bytes = bytesOf(frame);
    if (bytes > maxFrameBytes) return false;
    const payload = frame.parts[2] as Buffer;
    const appended = this.#run.append(payload) ?? this.#add(frame, transcoder.read(payload));
    if (appended === null) return false;
    this.#note(appended);
    this.bytes += bytes;
    this.payload = payload;
    return true;
  }

  #add(frame: Frame, reading: Reading): Appended | null {
    if (reading.ok && this.#run.add(reading.batch)) return reading.batch;
    this.peeked = { frame, reading };
    return null;
  }

  #note({ counts, ts }: Appended): void {
    this.counts.BlockStored += counts.BlockStored;
    this.counts.BlockRemoved += counts.BlockRemoved;
    this.counts.AllBlocksCleared += counts.AllBlocksCleared;
    this.counts.other += counts.other;
    this.frameEnds.push(this.#run.records);
    this.ts = ts;
    this.#low += 1;
  }
}
