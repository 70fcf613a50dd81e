import type { Stream } from '../../core/stream.ts';
import type { Rank } from '../decode.ts';
import type { Envelope } from '../envelope.ts';

/** What comes between the id's number and the `"seq":`: the type is part of it. */
export interface Label {
  /** `","type":"name"`. */
  readonly label: Buffer;
  /** One for each label, from 0. */
  readonly number: number;
}

/** What all records of a stream have in common, as JSON bytes; the later ones as long as the epoch and the rank stay. */
export interface StreamText {
  /** `{"v":1,"id":"<stream>@` */
  readonly start: string;
  /** `,"stream":…,"source":…,"topic":…` */
  readonly where: string;
  /** `,"pod":…,"model":…` */
  readonly who: string;
  /** Bytes of these three. */
  readonly size: number;
  epoch: number;
  rank: Rank | null;
  suffix: Envelope['topicSuffix'];
  isQuoted: boolean;
  /** `start` and the epoch, up to the number. */
  prefix: Buffer;
  /** By label, up to the number. */
  readonly middles: (Buffer | undefined)[];
}

const none = Buffer.alloc(0);

export function textsOf(stream: Stream | null): StreamText {
  const text = (value: string | null) => JSON.stringify(value);
  const { id, source, topic, pod, model } = stream ?? { id: '', source: '', topic: '', pod: null, model: null };
  const start = `{"v":1,"id":${text(`${id}@`).slice(0, -1)}`;
  const where = `,"stream":${text(id)},"source":${text(source)},"topic":${text(topic)}`;
  const who = `,"pod":${text(pod)},"model":${text(model)}`;
  const size = Buffer.byteLength(start + where + who);
  const open = { epoch: -1, rank: null, suffix: null, isQuoted: false, prefix: none, middles: [] };
  return { start, where, who, size, ...open };
}

interface Varying {
  readonly epoch: number;
  readonly topicSuffix: Envelope['topicSuffix'];
  readonly rank: Rank;
  readonly isQuoted: boolean;
}

/** Nearly always nothing: all this stays the same from one batch to the next. */
export function update(texts: StreamText, { epoch, topicSuffix, rank, isQuoted }: Varying): void {
  if (texts.epoch !== epoch) texts.prefix = Buffer.from(`${texts.start}${epoch}.`);
  else if (texts.suffix === topicSuffix && texts.isQuoted === isQuoted && isSameRank(texts.rank, rank)) return;
  Object.assign(texts, { epoch, rank, suffix: topicSuffix, isQuoted });
  texts.middles.length = 0;
}

export function isSameRank(one: Rank | null, other: Rank): boolean {
  if (one === null || !one.present || !other.present) return one !== null && one.present === other.present;
  return one.value === other.value;
}
