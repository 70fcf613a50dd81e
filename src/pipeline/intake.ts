import { crc32 } from 'node:zlib';
import type { RecordBatch, RecordForm } from '../core/batch.ts';
import type { Frame } from '../core/frame.ts';
import type { Observe } from '../core/observer.ts';
import type { SeqRange } from '../core/stream.ts';
import type { DecodedBatch } from '../wire/decode.ts';
import { decodePayload, rankKey } from '../wire/decode.ts';
import type { Failure } from '../wire/message.ts';
import { readMessage } from '../wire/message.ts';
import type { Control, Envelope, Rendered } from '../wire/records.ts';
import { renderBatch, renderControl, renderEvents } from '../wire/records.ts';
import type { Topic } from '../wire/topic.ts';
import type { Verdict } from './sequence.ts';
import { observe as observeSequence } from './sequence.ts';
import type { StreamEntry, StreamTable } from './streams.ts';

/** One batch in the forms that the lanes ask for; a control record is the same object in both. */
export type Forms = Readonly<Partial<Record<RecordForm, RecordBatch>>>;

/** How frames of one source are read. */
export interface IntakeRules {
  /** `topic`: all ranks of a topic share one counter, so they are one stream (Dynamo's TensorRT-LLM publisher). */
  readonly sequenceScope: 'rank' | 'topic';
  readonly maxFrameBytes: number;
}

export interface IntakeOptions {
  readonly streams: StreamTable;
  readonly forms: ReadonlySet<RecordForm>;
  readonly rules: ReadonlyMap<string, IntakeRules>;
  readonly observe: Observe;
}

/** One frame on its way through; null where a part could not be read. */
interface Arrival {
  readonly frame: Frame;
  readonly topic: Topic;
  readonly seq: bigint | null;
  readonly fingerprint: number;
}

const knownTypes = new Set(['BlockStored', 'BlockRemoved', 'AllBlocksCleared']);

/** From a frame to records: reads it, checks its place in the stream, renders. Synchronous; never throws on any input. */
export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** The records that this frame becomes, control records first, in the order they must be written. */
  accept(frame: Frame): Forms[] {
    const rules = this.#options.rules.get(frame.source);
    if (rules === undefined) throw new Error(`frame of unknown source "${frame.source}"`);
    this.#options.observe({ fact: 'frame-received', source: frame.source, bytes: sizeOf(frame) });
    const message = readMessage(frame.parts, rules.maxFrameBytes);
    const { topic, seq } = message;
    const arrival = { frame, topic, seq, fingerprint: fingerprintOf(frame.parts.at(-1) ?? Buffer.alloc(0)) };
    if (!message.ok) return this.#unreadable(arrival, message.failure, rules);
    const decoded = decodePayload(message.payload);
    return decoded.ok
      ? this.#readable(arrival, decoded.batch, rules)
      : this.#unreadable(arrival, decoded.failure, rules);
  }

  #readable(arrival: Arrival, batch: DecodedBatch, rules: IntakeRules): Forms[] {
    const { frame, topic } = arrival;
    const rank = rules.sequenceScope === 'topic' ? null : rankKey(batch.rank);
    const entry = this.#options.streams.entry(frame.source, topic, rank, frame.receivedAt);
    // After `entry`, which may forget this very stream and its rank with it.
    this.#options.streams.learnRank(frame.source, topic, rank);
    const passage = this.#pass(arrival, entry, arrival.seq);
    if (passage === undefined) return [];
    this.#count(arrival, entry, batch);
    return [...passage.controls, this.#forms(passage.envelope, passage.covers, batch)];
  }

  #unreadable(arrival: Arrival, failure: Failure, rules: IntakeRules): Forms[] {
    const { frame, topic } = arrival;
    const { streams, observe } = this.#options;
    const owner = rules.sequenceScope === 'topic' ? { rank: null } : streams.rankOfUnreadable(frame.source, topic);
    const entry = streams.entry(frame.source, topic, owner?.rank ?? null, frame.receivedAt);
    // Whose number it is is unknown where a topic has several ranks: it must not disturb anybody's sequence.
    const passage = this.#pass(arrival, entry, owner === undefined ? null : arrival.seq);
    if (passage === undefined) return [];
    observe({ fact: 'undecodable', source: frame.source, stream: entry.stream.id, reason: failure.reason });
    const rendered = renderControl(passage.envelope, { type: 'Undecodable', failure });
    return [...passage.controls, this.#control(passage.envelope, rendered, passage.covers)];
  }

  /** Checks the number; the control records due before this frame's own, and its envelope. Undefined: drop the frame. */
  #pass(arrival: Arrival, entry: StreamEntry, seq: bigint | null) {
    const { receivedAt } = arrival.frame;
    const { verdict, state } = observeSequence(
      entry.state,
      { seq, fingerprint: arrival.fingerprint, receivedAt },
      this.#options.streams.epochFloor,
    );
    const wasShared = entry.state?.mode === 'shared';
    entry.state = state;
    this.#report(arrival, entry, verdict);
    if (wasShared !== (state.mode === 'shared')) this.#reportShared(entry, !wasShared);
    if (verdict.kind === 'duplicate') return undefined;
    const hasNumber = seq !== null && (verdict.kind === 'pass' ? verdict.numbered : verdict.kind !== 'shared');
    const counter = hasNumber ? seq : entry.nextOrdinal++;
    const envelope: Envelope = {
      stream: entry.stream,
      topicSuffix: arrival.topic.suffix,
      epoch: state.epoch,
      seq: arrival.seq,
      ordinal: hasNumber ? String(seq) : `n${counter}`,
      receivedAt,
      origin: 'live',
    };
    const covers: SeqRange = { epoch: state.epoch, from: counter, to: counter, numbered: hasNumber };
    return { envelope, covers, controls: this.#controls(envelope, verdict) };
  }

  #controls(envelope: Envelope, verdict: Verdict): Forms[] {
    switch (verdict.kind) {
      case 'start':
        return [this.#mark(envelope, { type: 'StreamStarted', joined: verdict.joined })];
      case 'gap':
        return [this.#gap(envelope, verdict.missing)];
      case 'restart': {
        const { previousEpoch, lastSeq, missing } = verdict;
        const restarted = { type: 'StreamRestarted', previousEpoch, lastSeq } as const;
        if (missing === null) return [this.#mark(envelope, restarted)];
        // Where the new incarnation begins for the reader: numbers in ids never fall, and the gap comes behind this.
        return [this.#mark(numbered(envelope, missing.from), restarted), this.#gap(envelope, missing)];
      }
      case 'shared':
        return [this.#mark(envelope, { type: 'StreamShared' })];
      default:
        return [];
    }
  }

  #gap(envelope: Envelope, { from, to }: { readonly from: bigint; readonly to: bigint }): Forms {
    const control = { type: 'StreamGap', from, to, missing: to - from + 1n, reason: 'no_replay' } as const;
    const gap = numbered(envelope, from);
    return this.#control(gap, renderControl(gap, control), { epoch: envelope.epoch, from, to, numbered: true });
  }

  /** A control record that stands for no number of its own. */
  #mark(envelope: Envelope, control: Control): Forms {
    return this.#control(envelope, renderControl(envelope, control), null);
  }

  #control(envelope: Envelope, rendered: Rendered, covers: SeqRange | null): Forms {
    const record = toBatch(envelope, rendered, covers, null);
    return { event: record, batch: record };
  }

  #forms(envelope: Envelope, covers: SeqRange, batch: DecodedBatch): Forms {
    const { forms } = this.#options;
    const engineTime = batch.ts === null ? null : batch.tsUnit === 'ms' ? batch.ts : batch.ts * 1000;
    return {
      ...(forms.has('event') && { event: toBatch(envelope, renderEvents(envelope, batch), covers, engineTime) }),
      ...(forms.has('batch') && { batch: toBatch(envelope, renderBatch(envelope, batch), covers, engineTime) }),
    };
  }

  #count({ frame }: Arrival, entry: StreamEntry, batch: DecodedBatch): void {
    const events = new Map<string, number>();
    for (const event of batch.events) {
      if (event.ok) {
        const type = knownTypes.has(event.type) ? event.type : 'other';
        events.set(type, (events.get(type) ?? 0) + 1);
        continue;
      }
      const { reason } = event.failure;
      this.#options.observe({ fact: 'undecodable', source: frame.source, stream: entry.stream.id, reason });
    }
    this.#options.observe({ fact: 'batch-accepted', source: frame.source, events });
  }

  #report(arrival: Arrival, entry: StreamEntry, verdict: Verdict): void {
    const { observe, streams } = this.#options;
    const where = { source: arrival.frame.source, stream: entry.stream.id };
    if (verdict.kind === 'start') {
      observe({ fact: 'stream-started', ...where, joined: verdict.joined, streams: streams.size });
    }
    if (verdict.kind === 'duplicate') observe({ fact: 'duplicate', ...where, seq: arrival.seq ?? 0n });
    if (verdict.kind === 'restart') observe({ fact: 'stream-restarted', ...where, lastSeq: verdict.lastSeq });
    const missing = 'missing' in verdict ? verdict.missing : null;
    if (missing !== null) observe({ fact: 'stream-gap', ...where, ...missing, reason: 'no_replay' });
  }

  #reportShared({ stream }: StreamEntry, shared: boolean): void {
    this.#options.observe({ fact: 'stream-shared', source: stream.source, stream: stream.id, shared });
  }
}

function toBatch(
  envelope: Envelope,
  rendered: Rendered,
  covers: SeqRange | null,
  engineTime: number | null,
): RecordBatch {
  const { stream, receivedAt } = envelope;
  return { stream, bytes: rendered.bytes, ends: rendered.ends, covers, engineTime, receivedAt };
}

function numbered(envelope: Envelope, seq: bigint): Envelope {
  return { ...envelope, seq, ordinal: String(seq) };
}

function sizeOf(frame: Frame): number {
  let bytes = 0;
  for (const part of frame.parts) bytes += part.length;
  return bytes;
}

/** Tells two payloads with the same number apart; not a checksum against malice. */
function fingerprintOf(payload: Buffer): number {
  return crc32(payload) * 4096 + (payload.length % 4096);
}
