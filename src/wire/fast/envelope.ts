import type { Stream } from '../../core/stream.ts';
import type { BatchHead, Envelope } from '../envelope.ts';
import type { Target } from './digits.ts';
import { maxDigits, writeUint32, writeUint64 } from './digits.ts';
import type { EnvelopePieces } from './recorder.ts';
import type { Label, StreamText } from './stream-text.ts';
import { textsOf, update } from './stream-text.ts';
import { maxTime, writeTime } from './time.ts';

/** Bytes that the numbers and names of one envelope take at most, beside what `StreamText` and the suffix have. */
const most = 320;
const single = Buffer.from('","index":0,"count":1,"ts":');
/** Between the envelope and the event. */
export const eventLabel = Buffer.from(',"event":');
const point = 0x2e;
const quote = 0x22;
const millisecondsUnit = Buffer.from(',"ts_unit":"ms"');
const none = Buffer.alloc(0);

/**
 * The envelope of one batch after the other, around what each record has of its own; the bytes are those of
 * `EnvelopeText`.
 */
export class FastEnvelope {
  readonly #streams = new WeakMap<Stream, StreamText>();
  #texts: StreamText = textsOf(null);
  #suffixSize = 0;
  /** The number, where there is one that ids carry. */
  #isNumbered = false;
  #high = 0;
  #low = 0;
  /** What stands in its place otherwise. */
  #ordinal = none;
  #seq = none;
  readonly #time = targetOf(maxTime + maxDigits);
  #timeLength = 0;
  #isMilliseconds = false;
  #receivedAt = -1;
  #origin = '';
  #received = none;

  begin(envelope: Envelope, head: BatchHead): void {
    const { stream, epoch, seq, ordinal, topicSuffix } = envelope;
    this.#isNumbered = seq !== null && !ordinal.startsWith('n');
    if (this.#isNumbered && seq !== null) {
      this.#high = Number(seq >> 32n);
      this.#low = Number(seq & 0xffff_ffffn);
    } else {
      this.#ordinal = Buffer.from(ordinal);
      this.#seq = Buffer.from(seq === null ? 'null' : String(seq));
    }
    this.#texts = this.#textsOf(stream);
    update(this.#texts, { epoch, topicSuffix, rank: head.rank, isQuoted: seq !== null });
    this.#suffixSize = topicSuffix === null ? 0 : JSON.stringify(topicSuffix).length * 3 + 20;
    this.#receive(envelope);
    this.#head(head);
  }

  /** The same for the batch with the next number, of the same rank and received at the same time. */
  next(head: BatchHead): void {
    this.count();
    this.#head(head);
  }

  /** To the next number alone: whoever writes the time knows it. */
  count(): void {
    this.#low += 1;
    if (this.#low > 0xffff_ffff) {
      this.#low = 0;
      this.#high += 1;
    }
  }

  /** Halves of the number, where the envelope has `pieces`. */
  get high(): number {
    return this.#high;
  }

  get low(): number {
    return this.#low;
  }

  /** What does not change from one batch to the next, of events of these types; null where records have no number. */
  pieces(types: readonly Label[]): EnvelopePieces | null {
    const { rank, prefix } = this.#texts;
    if (!this.#isNumbered || rank === null) return null;
    const middles = types.map((type) => this.#middleOf(type));
    return { prefix, middles, ends: [this.#received, eventLabel], rank };
  }

  /** Bytes that it takes in each record, at most. */
  get size(): number {
    return this.#texts.size + this.#suffixSize + most;
  }

  /** A record of its own up to its object; returns the offset behind it, as all of these do. */
  writeEvent(target: Target, offset: number, { type, index, count }: Member): number {
    const { bytes } = target;
    let at = this.#writeOrdinal(target, put(bytes, offset, this.#texts.prefix));
    bytes[at] = point;
    at = writeUint32(bytes, at + 1, index);
    at = this.#writeSeq(target, put(bytes, at, this.#middleOf(type)));
    at = count === 1 && this.#texts.isQuoted ? put(bytes, at, single) : this.#writeCount(bytes, at, index, count);
    return put(bytes, this.#writeTime(bytes, at), this.#received);
  }

  /** A record of all events of the batch, up to its list. */
  writeBatch(target: Target, offset: number, type: Label, count: number): number {
    const { bytes } = target;
    let at = this.#writeOrdinal(target, put(bytes, offset, this.#texts.prefix));
    at = this.#writeSeq(target, put(bytes, at, this.#middleOf(type)));
    at = this.#writeCount(bytes, at, null, count);
    return put(bytes, this.#writeTime(bytes, at), this.#received);
  }

  #writeOrdinal(target: Target, at: number): number {
    if (this.#isNumbered) return writeUint64(target, at, this.#high, this.#low);
    return put(target.bytes, at, this.#ordinal);
  }

  #writeSeq(target: Target, at: number): number {
    if (this.#isNumbered) return writeUint64(target, at, this.#high, this.#low);
    return put(target.bytes, at, this.#seq);
  }

  #writeCount(bytes: Uint8Array, offset: number, index: number | null, count: number): number {
    let at = offset;
    if (this.#texts.isQuoted) bytes[at++] = quote;
    at = put(bytes, at, indexLabel);
    at = index === null ? put(bytes, at, nullText) : writeUint32(bytes, at, index);
    return put(bytes, writeUint32(bytes, put(bytes, at, countLabel), count), tsLabel);
  }

  #writeTime(bytes: Uint8Array, offset: number): number {
    const time = this.#time.bytes;
    const length = this.#timeLength;
    for (let index = 0; index < length; index += 1) bytes[offset + index] = time[index] as number;
    return this.#isMilliseconds ? put(bytes, offset + length, millisecondsUnit) : offset + length;
  }

  #middleOf({ label, number }: Label): Buffer {
    const { middles } = this.#texts;
    return middles[number] ?? this.#makeMiddle(label, number);
  }

  #makeMiddle(label: Buffer, number: number): Buffer {
    const { where, who, rank, suffix, epoch, isQuoted, middles } = this.#texts;
    const topicSuffix = suffix === null ? '' : `,"topic_suffix":${JSON.stringify(suffix)}`;
    const rankText = rank?.present ? `,"data_parallel_rank":${JSON.stringify(rank.value)}` : '';
    const text = `${where}${topicSuffix}${who}${rankText},"epoch":${epoch},"seq":${isQuoted ? '"' : ''}`;
    const middle = Buffer.concat([label, Buffer.from(text)]);
    middles[number] = middle;
    return middle;
  }

  #head({ ts, tsUnit }: BatchHead): void {
    this.#timeLength = writeTime(this.#time, 0, ts);
    this.#isMilliseconds = tsUnit === 'ms';
  }

  /** Many batches are received within one millisecond. */
  #receive({ receivedAt, origin }: Envelope): void {
    if (receivedAt === this.#receivedAt && origin === this.#origin) return;
    this.#receivedAt = receivedAt;
    this.#origin = origin;
    this.#received = Buffer.from(`,"received_at":${receivedAt / 1000},"origin":"${origin}"`);
  }

  #textsOf(stream: Stream): StreamText {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const texts = textsOf(stream);
    this.#streams.set(stream, texts);
    return texts;
  }
}

/** A record's place among those of its batch. */
export interface Member {
  readonly type: Label;
  readonly index: number;
  readonly count: number;
}

const indexLabel = Buffer.from(',"index":');
const nullText = Buffer.from('null');
const countLabel = Buffer.from(',"count":');
const tsLabel = Buffer.from(',"ts":');

export function put(target: Uint8Array, at: number, piece: Uint8Array): number {
  target.set(piece, at);
  return at + piece.length;
}

function targetOf(length: number): Target {
  const bytes = Buffer.alloc(length);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}
