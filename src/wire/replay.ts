/** One answer of a publisher's replay socket, as a DEALER receives it. */
export type ReplayMessage =
  | {
      readonly kind: 'batch';
      /** Empty where the publisher has no topic; null where answers don't carry it (vLLM up to v0.25). */
      readonly topic: Buffer | null;
      readonly seq: bigint;
      /** A view of the bytes as received. */
      readonly payload: Buffer;
    }
  | { readonly kind: 'end' }
  | { readonly kind: 'unreadable'; readonly reason: string };

const sequenceBytes = 8;

/**
 * Asks for everything from `start` (0 to 2^64-1) on. The publisher's ROUTER wants exactly identity, delimiter and
 * number, and ignores everything else without an answer (vLLM kv_events.py, `_service_replay`).
 */
export function replayRequest(start: bigint): Buffer[] {
  const number = Buffer.alloc(sequenceBytes);
  number.writeBigUInt64BE(start);
  return [Buffer.alloc(0), number];
}

/**
 * `["", seq, payload]` up to vLLM v0.25, `["", topic, seq, payload]` since v0.26; the topic may be empty as well, so the
 * tail decides and one empty frame at most is the delimiter. An empty payload is the end: its number is 2^64-1 by
 * custom, but a batch may have that number too. Never throws.
 */
export function readReply(parts: readonly Buffer[]): ReplayMessage {
  const frames = parts[0]?.length === 0 ? parts.slice(1) : parts;
  const [payload, number, topic = null] = frames.toReversed();
  if (payload === undefined || number === undefined || frames.length > 3) {
    return { kind: 'unreadable', reason: `${frames.length} frames after the delimiter, expected 2 or 3` };
  }
  if (payload.length === 0) return { kind: 'end' };
  if (number.length !== sequenceBytes) {
    return { kind: 'unreadable', reason: `sequence frame of ${number.length} bytes, expected ${sequenceBytes}` };
  }
  return { kind: 'batch', topic, seq: number.readBigUInt64BE(), payload };
}
