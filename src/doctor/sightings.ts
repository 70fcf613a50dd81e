import type { SourceConfig } from '../config/config.ts';
import type { Frame } from '../core/frame.ts';
import type { DecodedBatch } from '../wire/decode.ts';
import { decodePayload, rankKey } from '../wire/decode.ts';
import { readMessage } from '../wire/message.ts';
import type { Topic } from '../wire/topic.ts';
import { Traits } from './traits.ts';

/** What was seen of one publisher's ordered sequence. */
export interface StreamSighting {
  readonly topic: Topic;
  readonly rank: string | null;
  readonly peer: string | null;
  readonly traits: Traits;
  frames: number;
  first: bigint | null;
  last: bigint | null;
  missing: bigint;
  /** How often a number was not higher than the one before. */
  backwards: number;
  /** Messages and events that could not be read. */
  unreadable: number;
  /** Of messages. */
  unread: number;
  reason: string | null;
  /** Smallest of received - ts, seconds; null where no batch had a time. */
  skew: number | null;
}

/** Decoding every event of a busy engine would cost more than it tells; numbers and times are always looked at. */
const decoded = 500;
const maxStreams = 1_000;

/** What came through one socket. */
export class Sightings {
  readonly #prefixes: readonly Buffer[];
  readonly #maxFrameBytes: number;
  readonly #streams = new Map<string, StreamSighting>();
  /** Texts of topics that match no prefix, with their frames. */
  readonly unmatched = new Map<string, number>();
  matched = 0;

  readonly #isBound: boolean;

  /** `topics`: prefixes that the source subscribes to; none: everything. */
  constructor({ topics, maxFrameBytes, mode }: Pick<SourceConfig, 'topics' | 'maxFrameBytes' | 'mode'>) {
    this.#prefixes = topics.map((prefix) => Buffer.from(prefix));
    this.#maxFrameBytes = maxFrameBytes;
    this.#isBound = mode === 'bind';
  }

  /** What could not be read has no rank: it counts for a stream of its topic, where there is one. */
  get streams(): readonly StreamSighting[] {
    const all = [...this.#streams.values()];
    const lost = all.filter(({ unread, frames }) => unread === frames);
    const read = all.filter(({ unread, frames }) => unread < frames);
    const homeOf = (one: StreamSighting) =>
      read.find(({ topic, peer }) => topic.text === one.topic.text && peer === one.peer);
    return [
      ...read.map((stream) =>
        withLost(
          stream,
          lost.filter((one) => homeOf(one) === stream),
        ),
      ),
      ...lost.filter((one) => homeOf(one) === undefined),
    ];
  }

  get frames(): number {
    return this.matched + Array.from(this.unmatched.values()).reduce((sum, count) => sum + count, 0);
  }

  add(frame: Frame): void {
    const message = readMessage(frame.parts, this.#maxFrameBytes);
    if (!this.#matches(frame.parts[0])) {
      const { text } = message.topic;
      if (this.unmatched.size < maxStreams) this.unmatched.set(text, (this.unmatched.get(text) ?? 0) + 1);
      return;
    }
    this.matched += 1;
    const reading = message.ok ? decodePayload(message.payload) : message;
    if (!reading.ok) this.#unread(message.topic, frame, reading.failure.message);
    else {
      const stream = this.#stream(message.topic, rankKey(reading.batch.rank), frame);
      if (stream !== null) look(stream, reading.batch, message.seq, frame.receivedAt);
    }
  }

  #matches(topic: Buffer | undefined): boolean {
    if (this.#prefixes.length === 0) return true;
    return this.#prefixes.some((prefix) => topic?.subarray(0, prefix.length).equals(prefix) ?? false);
  }

  #unread(topic: Topic, frame: Frame, reason: string): void {
    const stream = this.#stream(topic, null, frame);
    if (stream === null) return;
    stream.frames += 1;
    stream.unreadable += 1;
    stream.unread += 1;
    stream.reason ??= reason;
  }

  #stream(topic: Topic, rank: string | null, frame: Frame): StreamSighting | null {
    // A source that connects has one publisher.
    const peer = this.#isBound ? frame.peer : null;
    const key = JSON.stringify([topic.text, rank, peer]);
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    if (this.#streams.size >= maxStreams) return null;
    const numbers = { first: null, last: null, missing: 0n, backwards: 0 };
    const trouble = { unreadable: 0, unread: 0, reason: null, skew: null };
    const stream = { topic, rank, peer, traits: new Traits(), frames: 0, ...numbers, ...trouble };
    this.#streams.set(key, stream);
    return stream;
  }
}

function withLost(stream: StreamSighting, lost: readonly StreamSighting[]): StreamSighting {
  if (lost.length === 0) return stream;
  const sum = (count: (one: StreamSighting) => number) => lost.reduce((all, one) => all + count(one), count(stream));
  return {
    ...stream,
    frames: sum(({ frames }) => frames),
    unreadable: sum(({ unreadable }) => unreadable),
    unread: sum(({ unread }) => unread),
    reason: stream.reason ?? lost[0]?.reason ?? null,
  };
}

function look(stream: StreamSighting, batch: DecodedBatch, seq: bigint | null, receivedAt: number): void {
  stream.frames += 1;
  if (seq !== null) count(stream, seq);
  if (stream.frames <= decoded) {
    stream.traits.add(batch);
    const bad = batch.events.flatMap((event) => (event.ok ? [] : [event.failure.message]));
    stream.unreadable += bad.length;
    stream.reason ??= bad[0] ?? null;
  }
  if (batch.ts === null) return;
  const seconds = batch.tsUnit === 'ms' ? batch.ts / 1_000 : batch.ts;
  stream.skew = Math.min(stream.skew ?? Number.POSITIVE_INFINITY, receivedAt / 1_000 - seconds);
}

function count(stream: StreamSighting, seq: bigint): void {
  stream.first ??= seq;
  if (stream.last !== null && seq <= stream.last) stream.backwards += 1;
  else if (stream.last !== null) stream.missing += seq - stream.last - 1n;
  stream.last = seq;
}
