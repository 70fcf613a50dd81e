import type { Stream } from '../core/stream.ts';
import type { Rank } from './decode.ts';
import type { JsonObject } from './json.ts';
import type { Topic } from './topic.ts';

/** Where a record belongs: what all records of one message have in common. */
export interface Envelope {
  readonly stream: Stream;
  readonly topicSuffix: Topic['suffix'];
  readonly epoch: number;
  readonly seq: bigint | null;
  /** What stands for the number in ids: the decimal seq, or `n` + the bridge's own counter. */
  readonly ordinal: string;
  /** The bridge's clock on receipt, milliseconds since 1970. */
  readonly receivedAt: number;
  readonly origin: 'live' | 'replay';
}

/** What the engine said about its batch; control records have none of it. */
export interface BatchHead {
  readonly rank: Rank;
  readonly ts: number | null;
  readonly tsUnit: 's' | 'ms';
  readonly extra: JsonObject | null;
}

export interface Place {
  /** Follows `stream@epoch.ordinal` in the id; empty, or begins with a point. */
  readonly idSuffix: string;
  readonly type: string;
  readonly index: number | null;
  readonly count: number | null;
}

/** The envelope as JSON text, made once per message; key order is part of the contract (docs/records.md). */
export class EnvelopeText {
  readonly #start: string;
  readonly #middle: string;
  readonly #end: string;

  constructor(envelope: Envelope, head: BatchHead) {
    const { stream, topicSuffix, epoch, seq, ordinal, receivedAt, origin } = envelope;
    this.#start = `{"v":1,"id":${text(`${stream.id}@${epoch}.${ordinal}`).slice(0, -1)}`;
    this.#middle =
      `,"stream":${text(stream.id)},"source":${text(stream.source)},"topic":${text(stream.topic)}` +
      (topicSuffix === null ? '' : `,"topic_suffix":${JSON.stringify(topicSuffix)}`) +
      `,"pod":${text(stream.pod)},"model":${text(stream.model)}` +
      (head.rank.present ? `,"data_parallel_rank":${JSON.stringify(head.rank.value)}` : '') +
      `,"epoch":${epoch},"seq":${seq === null ? 'null' : `"${seq}"`}`;
    this.#end =
      `,"ts":${JSON.stringify(head.ts)}` +
      (head.tsUnit === 'ms' ? ',"ts_unit":"ms"' : '') +
      `,"received_at":${receivedAt / 1000},"origin":"${origin}"` +
      (head.extra === null ? '' : `,"batch_extra":${JSON.stringify(head.extra)}`);
  }

  /** Characters that every record repeats, about. */
  get length(): number {
    return this.#start.length + this.#middle.length + this.#end.length;
  }

  /** The whole document; `fields` is what follows the envelope, JSON members with a comma before each. */
  document({ idSuffix, type, index, count }: Place, fields: string): string {
    const place = `,"index":${index},"count":${count}`;
    return `${this.#start}${idSuffix}","type":${text(type)}${this.#middle}${place}${this.#end}${fields}}\n`;
  }
}

/** The rank of control records: null where the stream id has `-`. */
export function streamRank({ rank }: Stream): Rank {
  const number = Number(rank);
  return { present: true, value: rank !== null && Number.isSafeInteger(number) ? number : rank };
}

function text(value: string | null): string {
  return JSON.stringify(value);
}
