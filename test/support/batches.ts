import type { RecordBatch } from '../../src/core/batch.ts';
import { recordAt } from '../../src/core/batch.ts';
import type { Stream } from '../../src/core/stream.ts';

const epoch = 1_763_800_000_000;

/** A stream as `kv@<pod>@<model>` on source `zmq` gives it; `pod` makes streams differ. */
export function testStream(pod = '10.0.0.5', rank: string | null = '0'): Stream {
  const model = 'Qwen/Qwen3-0.6B';
  const topic = `kv@${pod}@${model}`;
  return { id: `zmq/${topic}/${rank ?? '-'}`, source: 'zmq', host: null, topic, pod, model, rank };
}

/** Documents back to back, each with its newline, as the wire layer hands them out. */
export function batchOf(stream: Stream, documents: readonly string[], seq = 0): RecordBatch {
  const ends: number[] = [];
  let length = 0;
  for (const document of documents) {
    length += Buffer.byteLength(document) + 1;
    ends.push(length);
  }
  const number = BigInt(seq);
  return {
    stream,
    bytes: Buffer.from(documents.map((document) => `${document}\n`).join('')),
    ends,
    covers: { epoch, from: number, to: number, numbered: true },
    checkpoint: { position: { epoch, seq: number, sub: 0 }, ts: (epoch + seq) / 1000, hash: seq },
    follows: seq === 0 ? null : { epoch, seq: number - 1n, sub: 0 },
    frames: 1,
    frameEnds: null,
    memory: null,
    origin: 'live',
    engineTime: epoch + seq,
    receivedAt: epoch + seq + 7,
  };
}

export interface EventOptions {
  readonly seq: number;
  readonly index?: number;
  readonly count?: number;
  /** Goes into `event.lora_name`: any text, to see it come out again. */
  readonly text?: string;
  /** Token ids; makes a record large. */
  readonly tokens?: number;
}

/** One valid BlockStored record as JSON text. */
export function eventDocument(stream: Stream, options: EventOptions): string {
  const { seq, index = 0, count = 1, text = null, tokens = 3 } = options;
  return JSON.stringify({
    v: 1,
    id: `${stream.id}@${epoch}.${seq}.${index}`,
    type: 'BlockStored',
    stream: stream.id,
    source: stream.source,
    topic: stream.topic,
    pod: stream.pod,
    model: stream.model,
    data_parallel_rank: stream.rank === null ? null : Number(stream.rank),
    epoch,
    seq: String(seq),
    index,
    count,
    ts: (epoch + seq) / 1000,
    received_at: (epoch + seq + 7) / 1000,
    origin: 'live',
    event: {
      block_hashes: ['18446744073709551615', '-9223372036854775808', `0x${'ab'.repeat(32)}`],
      parent_block_hash: null,
      token_ids: Array.from({ length: tokens }, (_, token) => token),
      block_size: 16,
      lora_id: null,
      medium: 'GPU',
      lora_name: text,
    },
  });
}

/** One batch of `count` events with sequence number `seq`. */
export function eventBatch(stream: Stream, seq: number, count = 1, options: Partial<EventOptions> = {}): RecordBatch {
  const documents = Array.from({ length: count }, (_, index) =>
    eventDocument(stream, { ...options, seq, index, count }),
  );
  return batchOf(stream, documents, seq);
}

/** `length` batches of one stream, `from` upwards, one to three events each. */
export function eventBatches(stream: Stream, from: number, length: number): RecordBatch[] {
  return Array.from({ length }, (_, offset) => eventBatch(stream, from + offset, 1 + (offset % 3)));
}

/** The same batches, each following the one before it of its stream; the first ones follow nothing. */
export function consecutive(batches: readonly RecordBatch[]): RecordBatch[] {
  const last = new Map<string, RecordBatch>();
  return batches.map((batch) => {
    const follows = last.get(batch.stream.id)?.checkpoint.position ?? null;
    last.set(batch.stream.id, batch);
    return { ...batch, follows };
  });
}

/** Every document of the batches in order, as text without the newline. */
export function documentsOf(batches: readonly RecordBatch[]): string[] {
  return batches.flatMap((batch) => batch.ends.map((_, index) => recordAt(batch, index).toString('utf8')));
}
