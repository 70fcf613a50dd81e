import type { BatchHead, Envelope } from '../envelope.ts';
import type { Rendered } from '../records.ts';
import { Arena } from './arena.ts';
import { writeUint32 } from './digits.ts';
import { FastEnvelope, put } from './envelope.ts';
import type { FastType } from './fields.ts';

/** The events of one batch as the walk has left them: their JSON objects back to back. */
export interface Bodies {
  readonly bytes: Buffer;
  readonly types: readonly FastType[];
  /** For each event the offset behind its object; the first begins at 0. */
  readonly ends: readonly number[];
}

/** Bytes of one record at most beside its envelope and its object: labels, type, two numbers. */
const most = 128;

const point = 0x2e;
const comma = 0x2c;
const close = 0x7d;
const emptyObject = 2;
const indexLabel = Buffer.from(',"index":');
const noIndex = Buffer.from(',"index":null');
const countLabel = Buffer.from(',"count":');
const eventLabel = Buffer.from(',"event":');
const eventsLabel = Buffer.from(',"events":[');
const batchLabel = Buffer.from('","type":"Batch"');
const recordEnd = Buffer.from('}\n');
const eventsEnd = Buffer.from(']}\n');

/** Puts the envelope around the events of a batch. The records are in memory of their own. */
export class Renderer {
  readonly #envelope = new FastEnvelope();
  readonly #arena = new Arena();
  #target = this.#arena.bytes;
  #at = 0;
  /** Where the first record has the parts of the envelope: the others copy them. */
  #id = 0;
  #idEnd = 0;
  #middle = 0;
  #middleEnd = 0;
  #tail = 0;
  #tailEnd = 0;

  /** The envelope of what comes next; bytes that it takes in each record, at most. */
  begin(envelope: Envelope, head: BatchHead): number {
    this.#envelope.begin(envelope, head);
    return this.#envelope.size;
  }

  /** One record per event. */
  events({ bytes, types, ends }: Bodies): Rendered {
    const count = types.length;
    const start = this.#reserve(count, ends);
    const recordEnds: number[] = [];
    let from = 0;
    for (let index = 0; index < count; index += 1) {
      this.#writeHead(types[index] as FastType, index, count);
      const to = ends[index] as number;
      bytes.copy(this.#target, this.#at, from, to);
      this.#at += to - from;
      this.#put(recordEnd);
      recordEnds.push(this.#at - start);
      from = to;
    }
    return { bytes: this.#arena.take(this.#at), ends: recordEnds };
  }

  /** One record with all of them. */
  batch({ bytes, types, ends }: Bodies): Rendered {
    const start = this.#reserve(types.length, ends);
    this.#writeId(true);
    this.#put(batchLabel);
    this.#writeMiddle(true);
    this.#put(noIndex);
    this.#writeNumber(countLabel, types.length);
    this.#writeTail(true);
    this.#put(eventsLabel);
    let from = 0;
    for (const [index, type] of types.entries()) {
      const to = ends[index] as number;
      if (index > 0) this.#target[this.#at++] = comma;
      this.#writeMember(type, bytes, from, to);
      from = to;
    }
    this.#put(eventsEnd);
    return { bytes: this.#arena.take(this.#at), ends: [this.#at - start] };
  }

  #reserve(records: number, ends: readonly number[]): number {
    this.#arena.reserve((this.#envelope.size + most) * records + (ends.at(-1) ?? 0));
    this.#target = this.#arena.bytes;
    this.#at = this.#arena.at;
    return this.#at;
  }

  /** All of a record that comes before its object. */
  #writeHead(type: FastType, index: number, count: number): void {
    const isFirst = index === 0;
    this.#writeId(isFirst);
    this.#target[this.#at] = point;
    this.#at = writeUint32(this.#target, this.#at + 1, index);
    this.#put(type.label);
    this.#writeMiddle(isFirst);
    this.#writeNumber(indexLabel, index);
    this.#writeNumber(countLabel, count);
    this.#writeTail(isFirst);
    this.#put(eventLabel);
  }

  /** The object with its type as its first member. */
  #writeMember(type: FastType, bytes: Buffer, from: number, to: number): void {
    this.#put(type.member);
    if (to - from === emptyObject) {
      this.#target[this.#at++] = close;
      return;
    }
    this.#target[this.#at++] = comma;
    bytes.copy(this.#target, this.#at, from + 1, to);
    this.#at += to - from - 1;
  }

  #writeId(isFirst: boolean): void {
    if (!isFirst) {
      this.#again(this.#id, this.#idEnd);
      return;
    }
    this.#id = this.#at;
    this.#idEnd = this.#at = this.#envelope.writeId(this.#target, this.#at);
  }

  #writeMiddle(isFirst: boolean): void {
    if (!isFirst) {
      this.#again(this.#middle, this.#middleEnd);
      return;
    }
    this.#middle = this.#at;
    this.#middleEnd = this.#at = this.#envelope.writeMiddle(this.#target, this.#at);
  }

  #writeTail(isFirst: boolean): void {
    if (!isFirst) {
      this.#again(this.#tail, this.#tailEnd);
      return;
    }
    this.#tail = this.#at;
    this.#tailEnd = this.#at = this.#envelope.writeEnd(this.#target, this.#at);
  }

  #writeNumber(label: Uint8Array, value: number): void {
    this.#put(label);
    this.#at = writeUint32(this.#target, this.#at, value);
  }

  #put(piece: Uint8Array): void {
    this.#at = put(this.#target, this.#at, piece);
  }

  #again(from: number, to: number): void {
    this.#target.copyWithin(this.#at, from, to);
    this.#at += to - from;
  }
}
