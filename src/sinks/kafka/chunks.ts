import type { Entry, Sendable } from './entries.ts';
import { countOf, fits, sizeOf } from './entries.ts';

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
  records: number;
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
    return part.records + entry.count <= limits.records && fits(part.bytes + sizeOf(entry), limits.bytes);
  }

  add(entry: Entry): void {
    const part = this.#partOf(entry) ?? this.#open(entry);
    part.bytes += sizeOf(entry);
    part.records += entry.count;
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
    const part = { topic: entry.topic, partition: entry.partition, bytes: 0, records: 0, entries: [] };
    this.#parts.set(nameOf(entry), part);
    this.#last = part;
    return part;
  }

  chunk(): Chunk {
    return { entries: this.#entries, parts: [...this.#parts.values()].map(({ entries }) => partOf(entries)) };
  }
}

/** How many records the brokers get. */
export function recordsIn({ entries }: Part<Sendable>): number {
  return countOf(entries);
}

/** A part of entries that all go to the same partition. */
export function partOf(entries: readonly Entry[]): Part {
  const [first] = entries;
  return { topic: first?.topic ?? '', partition: first?.partition ?? 0, entries };
}

function nameOf({ topic, partition }: Entry): string {
  return `${topic}/${partition}`;
}
