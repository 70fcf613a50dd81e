import type { JsonObject } from '../wire/json.ts';
import { BoundedCounts } from './bounded-counts.ts';
import type { Place } from './place.ts';
import { Repeats } from './repeats.ts';

/** A position as it is shown. */
export interface ShownPosition {
  readonly epoch: number;
  /** Null where the publisher sends no number. */
  readonly seq: string | null;
}

/** What is counted of one stream. */
export class StreamStats {
  readonly pod: string | null;
  readonly model: string | null;
  readonly repeats = new Repeats();
  records = 0;
  events = 0;
  duplicates = 0;
  #gaps = new BoundedCounts(20);
  #missing = 0n;
  #recovered = 0n;
  #restarts = 0;
  #undecodable = 0;
  #isShared = false;
  #first: Place | null = null;
  #last: Place | null = null;
  readonly #epochs = new Set<number>();
  #moreEpochs = 0;

  constructor({ pod, model }: JsonObject) {
    this.pod = typeof pod === 'string' ? pod : null;
    this.model = typeof model === 'string' ? model : null;
  }

  /** A record that was not there before. */
  take(place: Place, record: JsonObject, events: number): void {
    this.records += 1;
    this.events += events;
    if (this.#first === null || isBefore(place, this.#first)) this.#first = place;
    if (this.#last === null || isBefore(this.#last, place)) this.#last = place;
    this.#noteEpoch(place.epoch);
    this.#takeControl(place, record);
  }

  report(id: string) {
    return {
      id,
      pod: this.pod,
      model: this.model,
      records: this.records,
      events: this.events,
      first: shown(this.#first),
      last: shown(this.#last),
      epochs: this.#epochs.size + this.#moreEpochs,
      gaps: this.#gaps.object,
      missing: String(this.#missing),
      unexplained: String(this.repeats.unexplained),
      recovered: String(this.#recovered),
      restarts: this.#restarts,
      duplicates: this.duplicates,
      undecodable: this.#undecodable,
      shared: this.#isShared,
    };
  }

  #takeControl(place: Place, record: JsonObject): void {
    switch (record['type']) {
      case 'StreamGap': {
        this.#gaps.add(String(record['reason']));
        this.#missing += bigintOf(record['missing']) ?? 0n;
        const [from, to] = [bigintOf(record['from_seq']), bigintOf(record['to_seq'])];
        if (from !== null && to !== null && from <= to) this.repeats.gap(place.epoch, from, to);
        break;
      }
      case 'StreamRecovered':
        this.#recovered += bigintOf(record['recovered']) ?? 0n;
        break;
      case 'StreamRestarted':
        this.#restarts += 1;
        break;
      case 'StreamShared':
        this.#isShared = true;
        break;
      case 'Undecodable':
        this.#undecodable += 1;
        break;
      default:
    }
  }

  /** An engine that restarts all the time has many. */
  #noteEpoch(epoch: number): void {
    if (this.#epochs.has(epoch)) return;
    if (this.#epochs.size < 1_000) this.#epochs.add(epoch);
    else if (epoch > (this.#last?.epoch ?? 0)) this.#moreEpochs += 1;
  }
}

export type StreamReport = ReturnType<StreamStats['report']>;

function isBefore(a: Place, b: Place): boolean {
  return a.epoch === b.epoch ? a.number < b.number : a.epoch < b.epoch;
}

function shown(place: Place | null): ShownPosition | null {
  return place === null ? null : { epoch: place.epoch, seq: place.isNumbered ? String(place.number) : null };
}

function bigintOf(value: unknown): bigint | null {
  return typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : null;
}
