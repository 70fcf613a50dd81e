import type { Json, JsonObject } from '../wire/json.ts';
import { BlockStats } from './block-stats.ts';
import { BoundedCounts } from './bounded-counts.ts';
import { MarkIds } from './mark-ids.ts';
import type { Place } from './place.ts';
import { placeOf } from './place.ts';
import { StreamStats } from './stream-stats.ts';
import { TimeSpan } from './time-span.ts';

export interface StatsOptions {
  /** Blocks that are followed at the same time, for lifetimes and for reuse each. */
  readonly maxBlocks: number;
  /** Streams that are told apart. */
  readonly maxStreams: number;
}

const maxModels = 1_000;

/** Counts records, in the order of each stream; its memory does not grow with their number. */
export class Stats {
  readonly #options: StatsOptions;
  readonly #streams = new Map<string, StreamStats>();
  readonly #marks = new MarkIds();
  readonly #types = new BoundedCounts(200);
  readonly #models = new Map<string, BoundedCounts>();
  readonly #blocks: BlockStats;
  readonly #received = new TimeSpan();
  readonly #engine = new TimeSpan();
  #records = 0;
  #bytes = 0;
  #unreadable = 0;
  #duplicates = 0;
  #beyondStreams = 0;

  constructor(options: StatsOptions) {
    this.#options = options;
    this.#blocks = new BlockStats(options.maxBlocks);
  }

  /** One JSON document. */
  add(text: string): void {
    this.#bytes += text.length;
    const record = parse(text);
    const place = record === null ? null : placeOf(record);
    if (record === null || place === null) this.#unreadable += 1;
    else this.#take(record, place);
  }

  report() {
    const streams = [...this.#streams].map(([id, stream]) => stream.report(id));
    const sum = (key: 'missing' | 'unexplained' | 'recovered') =>
      String(streams.reduce((total, stream) => total + BigInt(stream[key]), 0n));
    const isApproximate = this.#marks.isApproximate || this.#beyondStreams > 0;
    return {
      records: this.#records,
      characters: this.#bytes,
      unreadable: this.#unreadable,
      received: this.#received.report(this.#records),
      engine: this.#engine.report(this.#records),
      types: this.#types.object,
      models: Object.fromEntries([...this.#models].map(([model, types]) => [model, types.object])),
      duplicates: this.#duplicates,
      duplicates_exact: !isApproximate && ![...this.#streams.values()].some(({ repeats }) => repeats.isApproximate),
      gaps: streams.reduce((total, { gaps }) => total + Object.values(gaps).reduce((a, b) => a + b, 0), 0),
      missing: sum('missing'),
      unexplained: sum('unexplained'),
      recovered: sum('recovered'),
      restarts: streams.reduce((total, { restarts }) => total + restarts, 0),
      streams: { known: this.#streams.size, records_of_others: this.#beyondStreams, items: streams },
      blocks: this.#blocks.report(),
      limits: { max_blocks: this.#options.maxBlocks, max_streams: this.#options.maxStreams },
    };
  }

  #take(record: JsonObject, place: Place): void {
    this.#records += 1;
    this.#received.take(numberOf(record['received_at']));
    const stream = this.#streamOf(record, place.stream);
    if (stream === null) this.#beyondStreams += 1;
    else if (this.#isRepeat(record, place, stream)) {
      this.#duplicates += 1;
      stream.duplicates += 1;
      return;
    }
    const events = eventsOf(record);
    stream?.take(place, record, events.length);
    this.#countTypes(record, events);
    const { type } = record;
    if (type === 'StreamGap' || type === 'StreamRestarted' || type === 'StreamShared') this.#blocks.lost(place.stream);
    this.#takeEvents(record, events, place);
  }

  #isRepeat(record: JsonObject, place: Place, stream: StreamStats): boolean {
    return place.index === null ? !this.#marks.take(String(record['id'])) : !stream.repeats.take(place, place.index);
  }

  #takeEvents(record: JsonObject, events: readonly Event[], place: Place): void {
    if (events.length === 0) return;
    const ts = secondsOf(record);
    this.#engine.take(ts);
    const { pod, model } = record;
    const context = {
      stream: place.stream,
      pod: typeof pod === 'string' ? pod : place.stream.slice(0, place.stream.lastIndexOf('/')),
      model: typeof model === 'string' ? model : '',
      at: ts ?? numberOf(record['received_at']) ?? 0,
    };
    for (const { type, event } of events) this.#blocks.take(type, event, context);
  }

  #countTypes(record: JsonObject, events: readonly Event[]): void {
    const model = typeof record['model'] === 'string' ? record['model'] : 'not said';
    const known = this.#models.has(model) || this.#models.size < maxModels ? model : '(other)';
    const counts = this.#models.get(known) ?? new BoundedCounts(200);
    this.#models.set(known, counts);
    const types = events.length > 0 ? events.map(({ type }) => type) : [String(record['type'])];
    for (const type of types) {
      this.#types.add(type);
      counts.add(type);
    }
  }

  #streamOf(record: JsonObject, id: string): StreamStats | null {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    if (this.#streams.size >= this.#options.maxStreams) return null;
    const made = new StreamStats(record);
    this.#streams.set(id, made);
    return made;
  }
}

export type StatsReport = ReturnType<Stats['report']>;

interface Event {
  readonly type: string;
  readonly event: JsonObject;
}

/** Of one event, or of a whole batch; none of a control record. */
function eventsOf(record: JsonObject): readonly Event[] {
  const { type, event, events } = record;
  if (isObject(event)) return [{ type: String(type), event }];
  if (!Array.isArray(events)) return [];
  return (events as readonly Json[]).filter(isObject).map((one) => ({ type: String(one['type']), event: one }));
}

function secondsOf(record: JsonObject): number | null {
  const ts = numberOf(record['ts']);
  return ts !== null && record['ts_unit'] === 'ms' ? ts / 1_000 : ts;
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

function parse(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
