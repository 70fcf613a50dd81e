import { createRequire } from 'node:module';

/** A record that was committed, or written without a transaction. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** What one fetch found in one partition. */
export interface Slice {
  readonly partition: number;
  /** The protocol's error code; 0 for none. */
  readonly errorCode: number;
  readonly high: bigint;
  /** Up to here every transaction is decided; nothing behind it is answered. */
  readonly stable: bigint;
  /** Where to fetch next; null where there was nothing. */
  readonly next: bigint | null;
  readonly records: readonly LogRecord[];
}

/** The part of kafkajs's decoder that is needed here. */
interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readInt64(): { toString(): string };
  readString(): string | null;
  readBytes(length: number): Buffer;
  canReadBytes(length: number): boolean;
  readArray<T>(read: (decoder: Decoder) => T): T[];
  readArrayAsync<T>(read: (decoder: Decoder) => Promise<T>): Promise<T[]>;
}

interface RawRecord {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

interface RawBatch {
  readonly firstOffset: string;
  readonly lastOffsetDelta: number;
  readonly producerId: string;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
  readonly records: readonly RawRecord[];
}

interface Aborted {
  readonly producerId: string;
  readonly firstOffset: bigint;
}

/** kafkajs's own pieces of the Fetch protocol; its consumer is another matter, see `log-reader.ts`. */
interface Pieces {
  readonly Decoder: new (bytes: Buffer) => Decoder;
  readonly readBatch: (decoder: Decoder) => Promise<RawBatch>;
  readonly request: (fetch: object) => unknown;
}

/** Smallest rest of an answer that may hold a record batch. */
const batchHeader = 49;
const readCommitted = 1;

export interface FetchRequest {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string }[];
  /** How long the broker may wait for something new, ms. */
  readonly maxWait: number;
  readonly maxBytes: number;
}

/**
 * A Fetch request (version 4: Kafka 0.11 to 4.x), read-committed, as kafkajs's connections send it. The answer keeps what
 * kafkajs throws away: how far a record batch reaches that compaction has emptied.
 */
export function fetchRequest({ topic, partitions, maxWait, maxBytes }: FetchRequest): object {
  const pieces = loadPieces();
  const request = pieces.request({
    replicaId: -1,
    maxWaitTime: maxWait,
    minBytes: 1,
    maxBytes,
    isolationLevel: readCommitted,
    topics: [{ topic, partitions: partitions.map((one) => ({ ...one, maxBytes })) }],
  });
  const response = {
    decode: (bytes: Buffer) => decodeAnswer(new pieces.Decoder(bytes), pieces),
    parse: async (slices: readonly Slice[]) => slices,
  };
  return { request, response };
}

function loadPieces(): Pieces {
  const load = createRequire(import.meta.url);
  return {
    Decoder: load('kafkajs/src/protocol/decoder'),
    readBatch: load('kafkajs/src/protocol/recordBatch/v0/decoder'),
    request: load('kafkajs/src/protocol/requests/fetch/v4/request'),
  };
}

async function decodeAnswer(decoder: Decoder, pieces: Pieces): Promise<readonly Slice[]> {
  decoder.readInt32(); // The throttle time: the broker has already waited.
  const topics = await decoder.readArrayAsync((inner) => {
    inner.readString();
    return inner.readArrayAsync((one) => decodePartition(one, pieces));
  });
  return topics.flat();
}

async function decodePartition(decoder: Decoder, pieces: Pieces): Promise<Slice> {
  const partition = decoder.readInt32();
  const errorCode = decoder.readInt16();
  const high = BigInt(decoder.readInt64().toString());
  const stable = BigInt(decoder.readInt64().toString());
  const aborted = decoder.readArray((one) => ({
    producerId: one.readInt64().toString(),
    firstOffset: BigInt(one.readInt64().toString()),
  }));
  const size = decoder.readInt32();
  const batches = size > 0 ? await readBatches(new pieces.Decoder(decoder.readBytes(size)), pieces) : [];
  const records = committed(batches, aborted).flatMap((batch) =>
    batch.records.map(({ offset, key, value }) => ({ partition, offset: BigInt(offset), key, value })),
  );
  const last = batches.at(-1);
  return { partition, errorCode, high, stable, next: last === undefined ? null : lastOffset(last) + 1n, records };
}

/**
 * Leaves out control batches and what was aborted. Not kafkajs's own filter: where two producers' transactions were
 * aborted and compaction has removed their first records, it lets a record of the second pass.
 */
export function committed<B extends RawBatch>(batches: readonly B[], aborted: readonly Aborted[]): readonly B[] {
  const coming = [...aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const open = new Set<string>();
  return batches.filter((batch) => {
    while (coming[0] !== undefined && coming[0].firstOffset <= lastOffset(batch)) {
      open.add(coming[0].producerId);
      coming.shift();
    }
    // Whichever marker it is: the producer's next transaction has an entry of its own if it was aborted, too.
    if (batch.isControlBatch) open.delete(batch.producerId);
    return !batch.isControlBatch && !(batch.inTransaction && open.has(batch.producerId));
  });
}

function lastOffset({ firstOffset, lastOffsetDelta }: RawBatch): bigint {
  return BigInt(firstOffset) + BigInt(lastOffsetDelta);
}

/** The last batch of an answer may be cut off; it comes whole with the next one. */
async function readBatches(decoder: Decoder, { readBatch }: Pieces): Promise<readonly RawBatch[]> {
  const batches: RawBatch[] = [];
  while (decoder.canReadBytes(batchHeader)) {
    try {
      batches.push(await readBatch(decoder));
    } catch (error) {
      if ((error as Error).name === 'KafkaJSPartialMessageError') break;
      throw error;
    }
  }
  return batches;
}
