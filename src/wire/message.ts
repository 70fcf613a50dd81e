import type { Topic } from './topic.ts';
import { TopicReader } from './topic.ts';

/** Why something could not be read; a metric label, so the set is closed. */
export type UndecodableReason =
  | 'bad_frames'
  | 'bad_sequence_frame'
  | 'malformed_msgpack'
  | 'trailing_bytes'
  | 'too_deep'
  | 'too_large'
  | 'not_a_batch'
  | 'bad_event'
  | 'reserved_type';

export interface Failure {
  readonly reason: UndecodableReason;
  /** One sentence for people; deterministic, so that a record delivered again is the same. */
  readonly message: string;
  /** A view of the bytes as received; records repeat at most `maxRawBytes` of them. */
  readonly raw: Buffer;
  /** How many bytes there were, where `raw` already is only their beginning. */
  readonly rawBytes?: number;
  /** Only with `bad_frames`: the sizes of the frames that `raw` is made of. */
  readonly frameSizes?: readonly number[];
}

/** The parts of one multipart message. `seq` is null where there is no number, or none that can be trusted. */
export type Message =
  | { readonly ok: true; readonly topic: Topic; readonly seq: bigint | null; readonly payload: Buffer }
  | { readonly ok: false; readonly topic: Topic; readonly seq: bigint | null; readonly failure: Failure };

/** Bytes of an `Undecodable` record's `raw` at most, before base64. */
export const maxRawBytes = 65_536;

/** A topic stands several times in every record and lives as long as its stream. */
export const maxTopicBytes = 1_024;

const maxFrameSizes = 64;
const noBytes = Buffer.alloc(0);

/**
 * `[payload]`, `[topic, payload]` (ROCm ATOM) or `[topic, 8-byte big-endian number, payload]` (everybody else).
 * `maxFrameBytes` limits all frames together. Never throws. `topics`: of whoever reads many messages.
 */
export function readMessage(
  parts: readonly Buffer[],
  maxFrameBytes: number,
  topics: TopicReader = new TopicReader(),
): Message {
  const topicFrame = parts.length > 1 ? (parts[0] ?? noBytes) : noBytes;
  const topic = topics.read(topicFrame.length > maxTopicBytes ? topicFrame.subarray(0, maxTopicBytes) : topicFrame);
  const problem = frameProblem(parts.length, topicFrame.length);
  if (problem !== null) return { ok: false, topic, seq: null, failure: badFrames(parts, problem) };
  const payload = parts.at(-1) ?? noBytes;
  const number = parts.length === 3 ? (parts[1] ?? noBytes) : null;
  if (number !== null && number.length !== 8) {
    const message = `sequence frame of ${number.length} bytes, expected 8`;
    return { ok: false, topic, seq: null, failure: { reason: 'bad_sequence_frame', message, raw: payload } };
  }
  const seq = number === null ? null : number.readBigUInt64BE();
  const bytes = topicFrame.length + (number?.length ?? 0) + payload.length;
  if (bytes > maxFrameBytes) {
    const message = `${bytes} bytes, maxFrameBytes is ${maxFrameBytes}`;
    return { ok: false, topic, seq, failure: { reason: 'too_large', message, raw: payload } };
  }
  return { ok: true, topic, seq, payload };
}

function frameProblem(frames: number, topicBytes: number): string | null {
  if (frames < 1 || frames > 3) return `${frames} frames, expected 1 to 3`;
  return topicBytes > maxTopicBytes ? `topic frame of ${topicBytes} bytes, at most ${maxTopicBytes}` : null;
}

function badFrames(parts: readonly Buffer[], message: string): Failure {
  const sizes = parts.map((part) => part.length);
  const rawBytes = sizes.reduce((sum, size) => sum + size, 0);
  const raw = Buffer.concat(parts as Buffer[], Math.min(rawBytes, maxRawBytes));
  return { reason: 'bad_frames', message, raw, rawBytes, frameSizes: sizes.slice(0, maxFrameSizes) };
}
