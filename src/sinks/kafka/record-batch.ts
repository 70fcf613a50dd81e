import { crc32c } from '@node-rs/crc32';
import { startOf } from '../../core/batch.ts';
import type { ReusedMemory } from '../../core/reused-memory.ts';
import type { Sendable } from './entries.ts';
import { countOf, sizeOf } from './entries.ts';

/** Who writes a record batch, for the broker to recognise it again (KIP-98); all -1 where it need not. */
export interface ProducerState {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** Number of the first record among all that this producer has written to the partition. */
  readonly baseSequence: number;
}

export interface RecordBatchOptions extends ProducerState {
  readonly isTransactional: boolean;
  /** The codec's number in the protocol; 0: none. */
  readonly codec: number;
  /** Compresses the records, all together. */
  readonly compress: ((records: Buffer) => Promise<Buffer>) | null;
  /** Where it is written; what comes back stands there, unless it is compressed. */
  readonly memory: ReusedMemory;
}

/** For a producer that is not idempotent. */
export const anonymous: ProducerState = { producerId: -1n, producerEpoch: -1, baseSequence: -1 };

/** Bytes of a record batch before its records. */
export const headerBytes = 61;
/** Offsets in the header: Kafka's `DefaultRecordBatch`, magic 2. */
const lengthAt = 8;
const magicAt = 16;
const crcAt = 17;
const attributesAt = 21;
const transactional = 0x10;
const magic = 2;

/**
 * One record batch (magic 2, KIP-98) of these records, at least one, in order: what a Produce request has for a partition.
 * Offsets begin at 0 as producers always write them; the broker sets them.
 */
export async function encodeRecordBatch(entries: readonly Sendable[], options: RecordBatchOptions): Promise<Buffer> {
  const first = entries[0]?.batch.receivedAt ?? 0;
  let size = headerBytes;
  let newest = first;
  for (const entry of entries) {
    size += sizeOf(entry);
    newest = Math.max(newest, entry.batch.receivedAt);
  }
  const bytes = options.memory.take(size);
  let end = headerBytes;
  let index = 0;
  for (const entry of entries) {
    end = writeRecords(bytes, end, entry, { index, delta: entry.batch.receivedAt - first });
    index += entry.count;
  }
  const whole = await compressed(bytes.subarray(0, end), options);
  writeHeader(whole, { ...options, count: countOf(entries), first, newest });
  return whole;
}

async function compressed(bytes: Buffer, { compress, memory }: RecordBatchOptions): Promise<Buffer> {
  if (compress === null) return bytes;
  const records = await compress(bytes.subarray(headerBytes));
  const whole = Buffer.concat([bytes.subarray(0, headerBytes), records]);
  memory.give(bytes);
  return whole;
}

interface Header extends RecordBatchOptions {
  readonly count: number;
  /** Oldest and newest timestamp, milliseconds since 1970. */
  readonly first: number;
  readonly newest: number;
}

function writeHeader(bytes: Buffer, header: Header): void {
  bytes.fill(0, 0, lengthAt);
  bytes.writeInt32BE(bytes.length - lengthAt - 4, lengthAt);
  // The leader's epoch: only the broker knows it.
  bytes.writeInt32BE(-1, 12);
  bytes[magicAt] = magic;
  bytes.writeInt16BE(header.codec | (header.isTransactional ? transactional : 0), attributesAt);
  bytes.writeInt32BE(header.count - 1, 23);
  bytes.writeBigInt64BE(BigInt(header.first), 27);
  bytes.writeBigInt64BE(BigInt(header.newest), 35);
  bytes.writeBigInt64BE(header.producerId, 43);
  bytes.writeInt16BE(header.producerEpoch, 51);
  bytes.writeInt32BE(header.baseSequence, 53);
  bytes.writeInt32BE(header.count, 57);
  bytes.writeUInt32BE(crc32c(bytes.subarray(attributesAt)), crcAt);
}

/** Each: length, attributes, timestamp delta, offset delta, key, value, number of headers; all numbers as zigzag varints. */
function writeRecords(
  bytes: Buffer,
  start: number,
  { key, values, first, count }: Sendable,
  place: { readonly index: number; readonly delta: number },
): number {
  const delta = zigzag(place.delta);
  // What does not change: attributes, timestamp delta, key, number of headers.
  const fixed = 1 + widthOf(delta) + widthOf(key.length * 2) + key.length + 1;
  let at = start;
  let from = startOf(values, first);
  for (let index = 0; index < count; index += 1) {
    const offset = (place.index + index) * 2;
    const to = values.ends[first + index] as number;
    const length = to - from - 1;
    at = writeVarint(bytes, at, (fixed + widthOf(offset) + widthOf(length * 2) + length) * 2);
    bytes[at] = 0;
    at = writeVarint(bytes, at + 1, delta);
    at = writeVarint(bytes, at, offset);
    at = writeVarint(bytes, at, key.length * 2);
    at = put(bytes, at, key);
    at = writeVarint(bytes, at, length * 2);
    values.bytes.copy(bytes, at, from, to - 1);
    at += length;
    bytes[at] = 0;
    at += 1;
    from = to;
  }
  return at;
}

/** Few bytes: a loop is cheaper than a view. */
function put(bytes: Buffer, start: number, some: Buffer): number {
  if (some.length > 64) {
    bytes.set(some, start);
    return start + some.length;
  }
  for (let index = 0; index < some.length; index += 1) bytes[start + index] = some[index] as number;
  return start + some.length;
}

/** The lane's clock may go back: a timestamp may be before the first one. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function widthOf(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
}

/** Of a number that is zigzag already. */
function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
  bytes[at] = rest;
  return at + 1;
}
