import type { Frame } from '../core/frame.ts';
import { bytesOf } from '../core/frame.ts';
import { readTopic } from '../wire/topic.ts';

/** Whoever sent frames: as far as frames tell, one address with one topic behind one socket. */
export interface CapturedPublisher {
  readonly source: string;
  /** Of the socket that received it. */
  readonly endpoint: string;
  readonly peer: string | null;
  /** As it was sent; null where its frames have none. */
  readonly topic: Buffer | null;
  /** For people and for JSON. */
  readonly topicText: string | null;
  readonly frames: number;
  readonly bytes: number;
}

/** Publishers that are told apart; frames of further ones are only counted. */
const maxPublishers = 10_000;

/** A message of one frame has no topic. */
export function topicOf({ parts }: Frame): Buffer | null {
  return parts.length > 1 ? (parts[0] ?? null) : null;
}

/** The same for all frames of a publisher; its connections are not it. */
export function publisherKey(frame: Frame): string {
  const topic = topicOf(frame)?.toString('latin1') ?? null;
  return `${frame.source} ${frame.endpoint} ${frame.peer} ${topic === null ? '-' : `+${topic}`}`;
}

/** Counts frames by publisher, in the order in which these were first heard. */
export class PublisherTally {
  readonly #publishers = new Map<string, { -readonly [Key in keyof CapturedPublisher]: CapturedPublisher[Key] }>();
  /** Frames of publishers beyond the limit. */
  uncounted = 0;

  add(frame: Frame): void {
    const key = publisherKey(frame);
    const publisher = this.#publishers.get(key) ?? this.#admit(key, frame);
    if (publisher === null) {
      this.uncounted += 1;
      return;
    }
    publisher.frames += 1;
    publisher.bytes += bytesOf(frame);
  }

  get publishers(): readonly CapturedPublisher[] {
    return [...this.#publishers.values()];
  }

  get size(): number {
    return this.#publishers.size;
  }

  #admit(key: string, frame: Frame) {
    if (this.#publishers.size >= maxPublishers) return null;
    const { source, endpoint, peer } = frame;
    const bytes = topicOf(frame);
    const topic = bytes === null ? null : Buffer.from(bytes);
    const topicText = topic === null ? null : readTopic(topic).text;
    const publisher = { source, endpoint, peer, topic, topicText, frames: 0, bytes: 0 };
    this.#publishers.set(key, publisher);
    return publisher;
  }
}
