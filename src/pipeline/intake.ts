import type { RecordForm } from '../core/batch.ts';
import type { Frame } from '../core/frame.ts';
import { bytesOf } from '../core/frame.ts';
import type { Observe } from '../core/observer.ts';
import type { Identity, SeqRange } from '../core/stream.ts';
import { rankKey } from '../wire/decode.ts';
import type { Failure } from '../wire/message.ts';
import { readMessage } from '../wire/message.ts';
import type { ReadBatch, Reading, Transcoder } from '../wire/reading.ts';
import type { Envelope } from '../wire/records.ts';
import { needsHost } from '../wire/stream-id.ts';
import { TopicReader } from '../wire/topic.ts';
import { isOlder, leaveLate, noteConnection, wasReplayed } from './arrival.ts';
import { batchRecords, controlRecords, markRecord, undecodableRecord } from './emission.ts';
import { fingerprintOf } from './fingerprint.ts';
import { Overlap, OverlapBudget } from './overlap.ts';
import type { Acceptance, Arrival, Forms, Passage, Place, Recovered } from './passage.ts';
import { live, needOf, reasonOf } from './passage.ts';
import {
  reportBatch,
  reportBatches,
  reportDuplicate,
  reportRestart,
  reportShared,
  reportUndecodable,
  reportVerdict,
} from './report.ts';
import type { FrameList, Peeked, Placed } from './run.ts';
import { readRun } from './run.ts';
import { observe as observeSequence, restarted } from './sequence.ts';
import type { Sighting } from './sighting.ts';
import type { StreamEntry, StreamTable } from './streams.ts';

/** How frames of one source are read. */
export interface IntakeRules {
  /** `topic`: all ranks of a topic share one counter, so they are one stream (Dynamo's TensorRT-LLM publisher). */
  readonly sequenceScope: 'rank' | 'topic';
  readonly maxFrameBytes: number;
  readonly identity: Identity;
}

export interface IntakeOptions {
  readonly streams: StreamTable;
  readonly forms: ReadonlySet<RecordForm>;
  readonly rules: ReadonlyMap<string, IntakeRules>;
  readonly transcoder: Transcoder;
  /** Whether a replay of this stream can be asked for now. */
  readonly canReplay: (entry: StreamEntry, now: number, afresh: boolean) => boolean;
  /** Whether its publisher can be asked whether it is still the same. */
  readonly canCheck: (entry: StreamEntry) => boolean;
  readonly observe: Observe;
}

const noSightings: ReadonlyMap<bigint, Sighting> = new Map();
const nothing: Acceptance = { kind: 'records', all: [] };

/** From a frame to records: reads it, checks its place in the stream, renders. Synchronous; never throws on any input. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #overlaps = new OverlapBudget();
  readonly #topics = new TopicReader();
  /** Set where all lanes want the same form: then records of several batches can stand in one piece. */
  readonly #onlyForm: RecordForm | null;
  #peeked: Peeked | null = null;

  constructor(options: IntakeOptions) {
    this.#options = options;
    const [form] = options.forms;
    this.#onlyForm = options.forms.size === 1 && form !== undefined ? form : null;
  }

  /**
   * The records that this frame becomes, control records first, in the order they must be written; or why it waits.
   * `following`: what was received with it; frames that simply go on with the stream are taken from it as well.
   */
  accept(frame: Frame, passage: Passage = live, following: FrameList | null = null): Acceptance {
    const rules = this.#options.rules.get(frame.source);
    if (rules === undefined) throw new Error(`frame of unknown source "${frame.source}"`);
    if (passage === live) this.#reportFrames(frame, 1, bytesOf(frame));
    const message = readMessage(frame.parts, rules.maxFrameBytes, this.#topics);
    const { topic, seq } = message;
    const fingerprint = fingerprintOf(frame.parts.at(-1) ?? Buffer.alloc(0));
    const host = needsHost(rules.identity, topic) ? frame.peer : null;
    const publisher = passage.entry?.stream ?? { source: frame.source, host };
    const arrival = { frame, publisher, passage, topic, seq, fingerprint };
    if (!message.ok) return this.#unreadable(arrival, message.failure, rules);
    const reading = this.#read(frame, message.payload);
    return reading.ok
      ? this.#readable(arrival, reading.batch, rules, following)
      : this.#unreadable(arrival, reading.failure, rules);
  }

  #read(frame: Frame, payload: Buffer): Reading {
    const peeked = this.#peeked;
    this.#peeked = null;
    return peeked?.frame === frame ? peeked.reading : this.#options.transcoder.read(payload);
  }

  #readable(arrival: Arrival, batch: ReadBatch, rules: IntakeRules, following: FrameList | null): Acceptance {
    const { frame, publisher, passage, topic } = arrival;
    const rank = rules.sequenceScope === 'topic' ? null : rankKey(batch.rank);
    if (passage.origin === 'replay' && passage.entry?.stream.rank !== rank) return nothing;
    const entry = this.#options.streams.entry(publisher, topic, rank, frame.receivedAt);
    // After `entry`, which may forget this very stream and its rank with it.
    this.#options.streams.learnRank(entry);
    if (passage.origin === 'live') noteConnection(entry, frame);
    const isWaiting = passage === live && entry.held !== undefined;
    const isLate = passage.origin === 'live' && !isWaiting && isOlder(entry, frame, arrival.seq, batch.ts);
    if (isLate) return this.#duplicate(arrival, entry);
    const place = this.#pass(arrival, entry, arrival.seq);
    if (place.kind !== 'place') return place;
    const records =
      (following === null ? null : this.#runOf({ arrival, entry, place, batch }, following, rules)) ??
      this.#single({ arrival, entry, place, batch });
    return { kind: 'records', all: place.controls.length === 0 ? [records] : [...place.controls, records] };
  }

  #single({ arrival, entry, place, batch }: Placed): Forms {
    reportBatch(this.#options.observe, { arrival, entry, batch });
    return batchRecords(entry, place, batch, { hash: arrival.fingerprint, forms: this.#options.forms });
  }

  /** This batch and those that simply follow it; null where it has to stay by itself. */
  #runOf(placed: Placed, following: FrameList, { maxFrameBytes }: IntakeRules): Forms | null {
    const { transcoder, observe } = this.#options;
    const form = this.#onlyForm;
    const run = form === null ? null : readRun(placed, following, { form, transcoder, maxFrameBytes });
    if (run === null) return null;
    this.#peeked = run.peeked;
    if (run.frames > 1) this.#reportFrames(placed.arrival.frame, run.frames - 1, run.bytes);
    reportBatches(observe, placed, run);
    return run.forms;
  }

  #unreadable(arrival: Arrival, failure: Failure, rules: IntakeRules): Acceptance {
    const { frame, publisher, topic } = arrival;
    const { streams, observe } = this.#options;
    const owner = ownerOf(arrival, rules, streams);
    const entry = streams.entry(publisher, topic, owner?.rank ?? null, frame.receivedAt);
    // Whose number it is is unknown where a topic has several ranks: it must not disturb anybody's sequence.
    const place = this.#pass(arrival, entry, owner === undefined ? null : arrival.seq);
    if (place.kind !== 'place') return place;
    reportUndecodable(observe, arrival, entry, failure.reason);
    const record = undecodableRecord(entry, place, failure, arrival.fingerprint);
    return { kind: 'records', all: [...place.controls, record] };
  }

  /** Checks the number: the frame's place in its stream, with the control records due before it; or what to do instead. */
  #pass(arrival: Arrival, entry: StreamEntry, seq: bigint | null): Acceptance | Place {
    const { passage, fingerprint, frame } = arrival;
    if (passage.origin === 'live') noteConnection(entry, frame);
    const wait = this.#waitOf(entry, passage);
    if (wait !== null) return wait;
    if (passage.origin === 'live' && wasReplayed(entry, seq, fingerprint)) return this.#duplicate(arrival, entry);
    const seen = { seq, fingerprint, receivedAt: frame.receivedAt, origin: passage.origin };
    const { verdict, state } = observeSequence(entry.state, seen, this.#options.streams.epochFloor);
    const need = passage.gapReason === null ? needOf(entry, verdict, seen) : null;
    const isNew = verdict.kind === 'restart';
    if (need !== null && this.#options.canReplay(entry, frame.receivedAt, isNew)) return { kind: 'need', need };
    const wasShared = entry.state?.mode === 'shared';
    entry.state = state;
    if (verdict.kind === 'duplicate') return this.#duplicate(arrival, entry);
    const reason = reasonOf(passage);
    reportVerdict(this.#options, entry, verdict, reason);
    if (state.resumed === null) entry.sightings = noSightings;
    if (passage.origin === 'live') leaveLate(entry, seq);
    if (wasShared !== (state.mode === 'shared')) reportShared(this.#options.observe, entry, !wasShared);
    const hasNumber = seq !== null && (verdict.kind === 'pass' ? verdict.numbered : verdict.kind !== 'shared');
    const counter = hasNumber ? seq : entry.nextOrdinal++;
    const envelope: Envelope = {
      stream: entry.stream,
      topicSuffix: arrival.topic.suffix,
      epoch: state.epoch,
      seq: arrival.seq,
      ordinal: hasNumber ? String(seq) : `n${counter}`,
      receivedAt: frame.receivedAt,
      origin: passage.origin,
    };
    const covers: SeqRange = { epoch: state.epoch, from: counter, to: counter, numbered: hasNumber };
    return { kind: 'place', envelope, covers, controls: controlRecords(entry, envelope, verdict, reason) };
  }

  /** What a frame has to wait for before it is looked at; null where it need not. */
  #waitOf(entry: StreamEntry, passage: Passage): Acceptance | null {
    if (entry.held !== undefined && passage === live) return { kind: 'held', entry };
    const isUnchecked = entry.isUnchecked && passage === live;
    if (isUnchecked) entry.isUnchecked = false;
    return isUnchecked && this.#options.canCheck(entry) ? { kind: 'check', entry } : null;
  }

  /** The record that says how filling a gap went. */
  recovered(entry: StreamEntry, what: Recovered): Forms {
    const { stream, state } = entry;
    const envelope: Envelope = {
      stream,
      topicSuffix: null,
      epoch: state?.epoch ?? what.receivedAt,
      // The position in a stream never falls: this follows what was recovered, and a gap may follow.
      seq: what.last,
      ordinal: String(what.last),
      receivedAt: what.receivedAt,
      origin: 'replay',
    };
    const { from, to, recovered, durationMs } = what;
    entry.tally.recovered += recovered;
    return markRecord(entry, envelope, { type: 'StreamRecovered', from, to, recovered, durationMs });
  }

  /** Begins a new epoch, because the publisher was found to be another incarnation; the record that says so. */
  restart(entry: StreamEntry, now: number): readonly Forms[] {
    if (entry.state === undefined) return [];
    const { verdict, state } = restarted(entry.state, now);
    entry.state = state;
    entry.sightings = noSightings;
    entry.lateUntil = null;
    entry.lateBefore = null;
    entry.overlap?.clear();
    const { stream } = entry;
    const { epoch } = state;
    const envelope: Envelope = {
      ...{ stream, epoch, topicSuffix: null, seq: 0n, ordinal: '0', receivedAt: now, origin: 'replay' },
    };
    if (verdict.kind === 'restart') reportRestart(this.#options.observe, entry, verdict.lastSeq);
    return controlRecords(entry, envelope, verdict, '');
  }

  /** Where replayed batches of a stream are remembered that may come live as well. */
  overlapOf(entry: StreamEntry): Overlap {
    entry.overlap ??= new Overlap(this.#overlaps);
    return entry.overlap;
  }

  #duplicate(arrival: Arrival, entry: StreamEntry): Acceptance {
    reportDuplicate(this.#options.observe, arrival, entry);
    return nothing;
  }

  #reportFrames({ source, endpoint, receivedAt: at }: Frame, frames: number, bytes: number): void {
    this.#options.observe({ fact: 'frame-received', source, endpoint, frames, bytes, at });
  }
}

/** Whose an unreadable frame is, where that can be said. */
function ownerOf({ publisher, passage, topic }: Arrival, rules: IntakeRules, streams: StreamTable) {
  if (passage.entry !== null) return passage.entry.stream;
  return rules.sequenceScope === 'topic' ? { rank: null } : streams.rankOfUnreadable(publisher, topic);
}
