import type { Stream } from '../../core/stream.ts';
import type { BatchHead, Envelope } from '../envelope.ts';

/** What all records of a stream have in common, as JSON bytes. */
interface StreamText {
  /** `{"v":1,"id":"<stream>@` */
  readonly start: Buffer;
  /** `,"stream":…,"source":…,"topic":…` */
  readonly where: Buffer;
  /** `,"pod":…,"model":…` */
  readonly who: Buffer;
}

/** Bytes that the numbers and names of one envelope take at most, beside what `StreamText` and the suffix have. */
const most = 320;
const rankLabel = Buffer.from(',"data_parallel_rank":');
const epochLabel = Buffer.from(',"epoch":');
const seqLabel = Buffer.from(',"seq":');
const tsLabel = Buffer.from(',"ts":');
const millisecondsUnit = Buffer.from(',"ts_unit":"ms"');
const receivedLabel = Buffer.from(',"received_at":');
const origins = { live: Buffer.from(',"origin":"live"'), replay: Buffer.from(',"origin":"replay"') };
const empty = Buffer.alloc(0);
const quote = 0x22;
const point = 0x2e;

/**
 * The envelope of one batch, in the three parts between which each record has something of its own; the bytes are those of
 * `EnvelopeText`.
 */
export class FastEnvelope {
  readonly #streams = new WeakMap<Stream, StreamText>();
  #texts: StreamText = { start: empty, where: empty, who: empty };
  #suffix = '';
  #envelope: Envelope | null = null;
  #head: BatchHead | null = null;
  #epoch = -1;
  #epochDigits = '';
  #receivedAt = -1;
  #receivedText = '';

  begin(envelope: Envelope, head: BatchHead): void {
    this.#envelope = envelope;
    this.#head = head;
    this.#texts = this.#textsOf(envelope.stream);
    this.#suffix = envelope.topicSuffix === null ? '' : `,"topic_suffix":${JSON.stringify(envelope.topicSuffix)}`;
  }

  /** Bytes that all three parts take at most. */
  get size(): number {
    const { start, where, who } = this.#texts;
    return start.length + where.length + who.length + this.#suffix.length * 3 + most;
  }

  /** From the beginning to the number in the id; returns the offset behind it, as all of these do. */
  writeId(target: Buffer, offset: number): number {
    const { epoch, ordinal } = this.#envelope as Envelope;
    const at = ascii(target, put(target, offset, this.#texts.start), this.#epochText(epoch));
    target[at] = point;
    return ascii(target, at + 1, ordinal);
  }

  /** Between the type and the index. */
  writeMiddle(target: Buffer, offset: number): number {
    const { epoch, seq, ordinal } = this.#envelope as Envelope;
    const { rank } = this.#head as BatchHead;
    let at = put(target, offset, this.#texts.where);
    if (this.#suffix !== '') at += target.write(this.#suffix, at);
    at = put(target, at, this.#texts.who);
    if (rank.present) at = ascii(target, put(target, at, rankLabel), JSON.stringify(rank.value));
    at = ascii(target, put(target, at, epochLabel), this.#epochText(epoch));
    at = put(target, at, seqLabel);
    if (seq === null) return ascii(target, at, 'null');
    target[at] = quote;
    at = ascii(target, at + 1, ordinal.startsWith('n') ? String(seq) : ordinal);
    target[at] = quote;
    return at + 1;
  }

  /** Behind the count. */
  writeEnd(target: Buffer, offset: number): number {
    const { receivedAt, origin } = this.#envelope as Envelope;
    const { ts, tsUnit } = this.#head as BatchHead;
    let at = ascii(target, put(target, offset, tsLabel), JSON.stringify(ts));
    if (tsUnit === 'ms') at = put(target, at, millisecondsUnit);
    at = ascii(target, put(target, at, receivedLabel), this.#received(receivedAt));
    return put(target, at, origins[origin]);
  }

  /** Many batches are received within one millisecond. */
  #received(receivedAt: number): string {
    if (receivedAt !== this.#receivedAt) this.#receivedText = String(receivedAt / 1000);
    this.#receivedAt = receivedAt;
    return this.#receivedText;
  }

  #epochText(epoch: number): string {
    if (epoch !== this.#epoch) this.#epochDigits = String(epoch);
    this.#epoch = epoch;
    return this.#epochDigits;
  }

  #textsOf(stream: Stream): StreamText {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const { id, source, topic, pod, model } = stream;
    const text = (value: string | null) => JSON.stringify(value);
    const texts = {
      start: Buffer.from(`{"v":1,"id":${text(`${id}@`).slice(0, -1)}`),
      where: Buffer.from(`,"stream":${text(id)},"source":${text(source)},"topic":${text(topic)}`),
      who: Buffer.from(`,"pod":${text(pod)},"model":${text(model)}`),
    };
    this.#streams.set(stream, texts);
    return texts;
  }
}

export function put(target: Buffer, at: number, piece: Uint8Array): number {
  target.set(piece, at);
  return at + piece.length;
}

/** Digits, points and the like: a loop is cheaper than a call of the runtime. */
function ascii(target: Buffer, at: number, text: string): number {
  for (let index = 0; index < text.length; index += 1) target[at + index] = text.charCodeAt(index);
  return at + text.length;
}
