import { readdirSync, readFileSync } from 'node:fs';
import { encode } from '@msgpack/msgpack';
import type { DecodedBatch } from '../../src/wire/decode.ts';
import { decodePayload } from '../../src/wire/decode.ts';
import { readMessage } from '../../src/wire/message.ts';
import type { Envelope, Rendered } from '../../src/wire/records.ts';
import { renderEvents } from '../../src/wire/records.ts';
import { assertRecords } from '../support/schema.ts';

export const fixtures = new URL('../fixtures/', import.meta.url);

export interface Vector {
  readonly name: string;
  readonly frames: readonly string[];
  readonly expect: Record<string, unknown> & { readonly events: readonly Record<string, unknown>[] };
}

export interface CapturedFrame {
  readonly name: string;
  readonly frames: readonly string[];
  readonly expected: { readonly topic: string; readonly sequence: string; readonly payload: readonly unknown[] };
}

export function vectors(): Vector[] {
  return (JSON.parse(readFileSync(new URL('vectors/live.json', fixtures), 'utf8')) as { vectors: Vector[] }).vectors;
}

/** The live frames of every capture. */
export function capturedFrames(): CapturedFrame[] {
  const folder = new URL('captures/', fixtures);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.jsonl'))
    .flatMap((file) =>
      readFileSync(new URL(file, folder), 'utf8')
        .split('\n')
        .filter((line) => line.includes('"kind": "live"'))
        .map((line, index) => {
          const { frames_hex, expected } = JSON.parse(line);
          return { name: `${file} #${index}`, frames: frames_hex, expected };
        }),
    );
}

export function bytesOf(frames: readonly string[]): Buffer[] {
  return frames.map((frame) => Buffer.from(frame, 'hex'));
}

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** Encodes with the public library; bigint becomes 64-bit, Buffer bin. */
export function pack(value: unknown): Buffer {
  return Buffer.from(encode(value, { useBigInt64: true }));
}

export function batchOf(payload: Buffer): DecodedBatch {
  const decoded = decodePayload(payload);
  if (!decoded.ok) throw new Error(`${decoded.failure.reason}: ${decoded.failure.message}`);
  return decoded.batch;
}

/** The batch of `[1.5, events, 0]`. */
export function batchWith(...events: unknown[]): DecodedBatch {
  return batchOf(pack([1.5, events, 0]));
}

export function envelope(changes: Partial<Envelope> = {}): Envelope {
  const topic = 'kv@10.0.0.5@Qwen/Qwen3-0.6B';
  const stream = {
    id: `zmq/${topic}/0`,
    source: 'zmq',
    host: null,
    topic,
    pod: '10.0.0.5',
    model: 'Qwen/Qwen3-0.6B',
    rank: '0',
  };
  return {
    stream,
    topicSuffix: null,
    epoch: 1_763_800_000_000,
    seq: 42n,
    ordinal: '42',
    receivedAt: 1_763_800_000_130,
    origin: 'live',
    ...changes,
  };
}

/** The documents of `rendered`, checked against the schema and against `ends`. */
export function documentsOf(rendered: Rendered): Record<string, unknown>[] {
  let start = 0;
  const documents = rendered.ends.flatMap((end) => {
    const part = assertRecords(rendered.bytes.subarray(start, end));
    start = end;
    return part;
  });
  if (start !== rendered.bytes.length || documents.length !== rendered.ends.length) {
    throw new Error('ends do not fit the bytes');
  }
  return documents;
}

/** A message all the way to its records, as the pipeline does it. */
export function recordsOf(frames: readonly Buffer[], maxFrameBytes = 16_777_216) {
  const message = readMessage(frames, maxFrameBytes);
  if (!message.ok) throw new Error(`${message.failure.reason}: ${message.failure.message}`);
  const batch = batchOf(message.payload);
  const { text, suffix, pod, model } = message.topic;
  const stream = { id: `zmq/${text}/-`, source: 'zmq', host: null, topic: text, pod, model, rank: null };
  const where = { stream, topicSuffix: suffix, seq: message.seq, ordinal: String(message.seq ?? 'n1') };
  return { message, batch, documents: documentsOf(renderEvents(envelope(where), batch)) };
}
