import { isDeepStrictEqual } from 'node:util';
import type { PublishedLine, TruthLine } from '../../src/simulator/truth.ts';

/** What is read of a record; more may be in it. */
interface RecordLike {
  readonly type: string;
  readonly id: string;
  readonly topic: string;
  readonly data_parallel_rank?: number | string | null;
  readonly epoch: number;
  readonly seq: string | null;
  readonly index: number | null;
  readonly count: number | null;
  readonly ts: number | null;
  readonly event?: Readonly<Record<string, unknown>>;
  readonly from_seq?: string;
  readonly to_seq?: string;
}

export interface TruthCounts {
  /** Streams of the truth: topic, rank. */
  readonly streams: number;
  readonly batches: number;
  readonly events: number;
  readonly emptyBatches: number;
  /** Numbers that the engine skipped and a StreamGap covers. */
  readonly gaps: number;
}

export interface TruthOptions {
  /** Numbers that a StreamGap covers are right even where the engine sent a batch: it was lost on the way. */
  readonly allowLost?: boolean;
}

/** What stands for one event, empty batch or missing number on both sides. */
interface Item {
  readonly key: string;
  readonly event: unknown;
}

interface GapItem {
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * Compares what engines say they published (`simulate --truth`, or a line of the same form) with records of
 * `record: event`, in the order of the sink. Per stream every event of the truth must be there exactly once, in order,
 * with equal fields, and every number without a batch inside a StreamGap. Throws at the first difference.
 */
export function compareTruth(
  truth: readonly TruthLine[],
  records: readonly RecordLike[],
  options: TruthOptions = {},
): TruthCounts {
  const counts = { streams: 0, batches: 0, events: 0, emptyBatches: 0, gaps: 0 };
  const recordsOf = groupBy(records, streamOfRecord);
  const truthOf = groupBy(truth, streamOfLine(truth));
  for (const [stream, lines] of truthOf) {
    counts.streams += 1;
    new StreamComparison(stream, recordsOf.get(stream) ?? [], options).compare(lines, counts);
  }
  for (const [stream, [record]] of recordsOf) {
    if (!truthOf.has(stream)) throw new Error(`${stream}: ${record?.id} belongs to a stream that nobody published`);
  }
  return counts;
}

type Counts = { -readonly [K in keyof TruthCounts]: TruthCounts[K] };

class StreamComparison {
  readonly #stream: string;
  readonly #items: Item[] = [];
  readonly #gaps: GapItem[][] = [[]];
  readonly #options: TruthOptions;
  #next = 0;

  constructor(stream: string, records: readonly RecordLike[], options: TruthOptions) {
    this.#stream = stream;
    this.#options = options;
    for (const record of records) this.#take(record);
  }

  compare(lines: readonly TruthLine[], counts: Counts): void {
    for (const [index, line] of lines.entries()) {
      if ('events' in line) this.#expectBatch(line, counts);
      else if (isBetweenBatches(lines, index)) this.#expectGap(line, counts);
    }
    const surplus = this.#items[this.#next];
    if (surplus !== undefined) this.#fail(`${surplus.key} was never published, or is there twice`);
  }

  #take(record: RecordLike): void {
    const place = `${this.#gaps.length - 1}/${record.seq}`;
    if (record.type === 'StreamRestarted') this.#gaps.push([]);
    else if (record.type === 'StreamGap') {
      this.#gaps.at(-1)?.push({ from: BigInt(record.from_seq ?? -1), to: BigInt(record.to_seq ?? -1) });
    } else if (record.type === 'EmptyBatch') this.#items.push({ key: `${place}/- of 0`, event: null });
    else if (record.type === 'Undecodable') this.#fail(`${record.id} is Undecodable, which no engine here publishes`);
    else if (record.event !== undefined) {
      const event = { ts: record.ts, type: record.type, ...record.event };
      this.#items.push({ key: `${place}/${record.index} of ${record.count}`, event });
    }
  }

  #expect(wanted: Item): void {
    const found = this.#items[this.#next];
    if (found === undefined) this.#fail(`${wanted.key} is missing, as is everything after it`);
    if (found.key !== wanted.key) this.#fail(`${wanted.key} should come next, but ${found.key} does`);
    if (!isDeepStrictEqual(found.event, wanted.event)) this.#fail(difference(wanted, found));
    this.#next += 1;
  }

  #expectBatch(line: PublishedLine, counts: Counts): void {
    if (this.#isInGap(line)) {
      if (this.#options.allowLost) return;
      this.#fail(`a StreamGap covers ${line.sequence}, which was published`);
    }
    counts.batches += 1;
    counts.events += line.events.length;
    if (line.events.length === 0) counts.emptyBatches += 1;
    for (const item of itemsOf(line)) this.#expect(item);
  }

  #expectGap(line: TruthLine, counts: Counts): void {
    if (!this.#isInGap(line)) this.#fail(`${line.sequence} was never sent, but no StreamGap covers it`);
    counts.gaps += 1;
  }

  #isInGap({ sequence, incarnation = 0 }: TruthLine): boolean {
    const number = BigInt(sequence);
    return this.#gaps[incarnation]?.some(({ from, to }) => from <= number && number <= to) ?? false;
  }

  #fail(message: string): never {
    throw new Error(`stream ${this.#stream}: ${message}`);
  }
}

/** A number that is skipped before the first or after the last batch of an engine's life leaves no trace on the wire. */
function isBetweenBatches(lines: readonly TruthLine[], index: number): boolean {
  const isSibling = (line: TruthLine) => 'events' in line && line.incarnation === lines[index]?.incarnation;
  return lines.slice(0, index).some(isSibling) && lines.slice(index + 1).some(isSibling);
}

function itemsOf(line: PublishedLine): Item[] {
  const place = `${line.incarnation ?? 0}/${line.sequence}`;
  if (line.events.length === 0) return [{ key: `${place}/- of 0`, event: null }];
  return line.events.map((event, index) => ({
    key: `${place}/${index} of ${line.events.length}`,
    event: { ts: line.ts, ...event },
  }));
}

function difference(wanted: Item, found: Item): string {
  const [left, right] = [wanted.event, found.event].map((event) => Object(event) as Record<string, unknown>);
  const names = new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})]);
  for (const name of names) {
    if (!isDeepStrictEqual(left?.[name], right?.[name])) {
      return `${wanted.key}: ${name} is ${excerpt(right?.[name])}, published was ${excerpt(left?.[name])}`;
    }
  }
  return `${wanted.key} is ${excerpt(found.event)}, published was ${excerpt(wanted.event)}`;
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent';
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}

function streamOfRecord(record: RecordLike): string {
  return `${record.topic}/${record.data_parallel_rank ?? '-'}`;
}

/** A line of a skipped number may name no rank: then it belongs to its topic's one rank. */
function streamOfLine(truth: readonly TruthLine[]): (line: TruthLine) => string {
  const byTopic = groupBy(truth, (line) => line.topic);
  const rankOf = (line: TruthLine) =>
    line.data_parallel_rank ?? byTopic.get(line.topic)?.find((other) => 'events' in other)?.data_parallel_rank ?? '-';
  return (line) => `${line.topic}/${'unpublished' in line ? rankOf(line) : (line.data_parallel_rank ?? '-')}`;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
