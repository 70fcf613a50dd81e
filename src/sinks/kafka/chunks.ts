import type { RecordBatch } from '../../core/batch.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';

/** What goes to Kafka for one record of any kind. */
export interface Sendable {
  readonly key: Buffer;
  readonly value: Buffer;
  /** Gives it its timestamp. */
  readonly batch: { readonly receivedAt: number };
}

/** One record on its way: where it came from and what goes to Kafka for it. */
export interface Entry extends Sendable {
  readonly batch: RecordBatch;
  /** Its place in the batch. */
  readonly index: number;
  readonly topic: string;
  readonly partition: number;
  /** Why this is a dead letter instead of the record; null for the record itself. */
  readonly deadLetter: DeadLetter['reason'] | null;
  /** It goes in a send of its own: only the broker can tell whether it fits once compressed. */
  readonly alone: boolean;
}

/** What one send has for one partition: one record batch for the broker, taken or refused as a whole. */
export interface Part<E extends Sendable = Entry> {
  readonly topic: string;
  readonly partition: number;
  readonly entries: readonly E[];
}

/** What goes out in one send: the next entries in order, as many as fit. */
export interface Chunk {
  readonly entries: readonly Entry[];
  readonly parts: readonly Part[];
}

export interface Limits {
  /** Most bytes of one part, record batch header included. */
  readonly bytes: number;
  /** Most records of one part; kafkajs groups them in quadratic time. */
  readonly records: number;
}

/** Header of a record batch (61 bytes) and its place in the request. */
const batchOverhead = 96;
/** Lengths, deltas and flags around one record at their longest. */
const recordOverhead = 40;

export function sizeOf(entry: { readonly key: Buffer; readonly value: Buffer }): number {
  return entry.key.length + entry.value.length + recordOverhead;
}

/** Whether a record of this size fits into a record batch of its own. */
export function fits(size: number, limit: number): boolean {
  return size + batchOverhead <= limit;
}

/**
 * Cuts entries into chunks, in order. `limitOf` says how large a record batch a topic takes. An entry larger than
 * that still gets a chunk, alone.
 */
export function* chunksOf(entries: readonly Entry[], maxRecords: number, limitOf: (topic: string) => number) {
  let open = new OpenChunk();
  for (const entry of entries) {
    const limits = { bytes: limitOf(entry.topic), records: maxRecords };
    if (!open.takes(entry, limits)) {
      yield open.chunk();
      open = new OpenChunk();
    }
    open.add(entry);
  }
  if (!open.isEmpty) yield open.chunk();
}

interface OpenPart {
  readonly topic: string;
  readonly partition: number;
  bytes: number;
  readonly entries: Entry[];
}

class OpenChunk {
  readonly #entries: Entry[] = [];
  readonly #parts = new Map<string, OpenPart>();
  /** The part of the last entry: those of one stream follow one another. */
  #last: OpenPart | null = null;
  #closed = false;

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  takes(entry: Entry, limits: Limits): boolean {
    if (this.isEmpty) return true;
    if (this.#closed || entry.alone) return false;
    const part = this.#partOf(entry);
    if (part === undefined) return true;
    return part.entries.length < limits.records && fits(part.bytes + sizeOf(entry), limits.bytes);
  }

  add(entry: Entry): void {
    const part = this.#partOf(entry) ?? this.#open(entry);
    part.bytes += sizeOf(entry);
    part.entries.push(entry);
    this.#entries.push(entry);
    this.#closed = entry.alone;
  }

  #partOf(entry: Entry): OpenPart | undefined {
    const last = this.#last;
    if (last !== null && last.partition === entry.partition && last.topic === entry.topic) return last;
    const part = this.#parts.get(nameOf(entry));
    this.#last = part ?? null;
    return part;
  }

  #open(entry: Entry): OpenPart {
    const part = { topic: entry.topic, partition: entry.partition, bytes: 0, entries: [] };
    this.#parts.set(nameOf(entry), part);
    this.#last = part;
    return part;
  }

  chunk(): Chunk {
    return { entries: this.#entries, parts: [...this.#parts.values()].map(({ entries }) => partOf(entries)) };
  }
}

/** A part of entries that all go to the same partition. */
export function partOf(entries: readonly Entry[]): Part {
  const [first] = entries;
  return { topic: first?.topic ?? '', partition: first?.partition ?? 0, entries };
}

function nameOf({ topic, partition }: Entry): string {
  return `${topic}/${partition}`;
}
