import type { RecordForm } from '../../core/batch.ts';
import type { BatchHead, Envelope } from '../envelope.ts';
import type { Rendered } from '../records.ts';
import { Arena } from './arena.ts';
import { eventLabel, FastEnvelope, put } from './envelope.ts';
import type { FastType } from './fields.ts';
import { batchLabel, fastTypes } from './fields.ts';
import type { Kernel } from './kernel.ts';
import { Recorder } from './recorder.ts';

/** The events of one batch as the walk has left them: their JSON objects back to back. */
export interface Bodies {
  readonly bytes: Buffer;
  /** Where the first begins. */
  readonly from: number;
  readonly count: number;
  /** Of each event; both lists may be longer than `count`. */
  readonly types: readonly FastType[];
  /** The offset behind its object. */
  readonly ends: readonly number[];
}

/** Bytes of one record at most beside its envelope and its object: labels, type, two numbers. */
const most = 128;

const newline = 0x0a;
const comma = 0x2c;
const openList = 0x5b;
const closeList = 0x5d;
const close = 0x7d;
const emptyObject = 2;
const eventsLabel = Buffer.from(',"events":');

/** Puts the envelope around the events of batches, one after the other in memory of their own. */
export class Renderer {
  readonly #envelope = new FastEnvelope();
  readonly #arena = new Arena();
  readonly #recorder: Recorder | null;
  #form: RecordForm = 'event';
  #start = 0;
  #ends: number[] = [];
  /** Whether the recorder knows the envelope; null: it was not asked yet. */
  #isRecording: boolean | null = null;

  constructor(kernel: Kernel | null) {
    this.#recorder = kernel === null ? null : new Recorder(kernel);
  }

  /** The envelope of what comes next; bytes that it takes in each record, at most. */
  begin(envelope: Envelope, head: BatchHead, form: RecordForm): number {
    this.#envelope.begin(envelope, head);
    this.#form = form;
    this.#isRecording = null;
    return this.#envelope.size;
  }

  /** The first batch. */
  write(bodies: Bodies): void {
    const arena = this.#arena;
    arena.reserve(this.#roomFor(bodies));
    this.#start = arena.at;
    this.#ends = [];
    this.#write(bodies);
  }

  /** One more behind the last, with the next number; false where there is no room for it beside that one. */
  add(bodies: Bodies, head: BatchHead): boolean {
    if (!this.#arena.hasRoom(this.#roomFor(bodies))) return false;
    this.#envelope.next(head);
    this.#write(bodies);
    return true;
  }

  /**
   * The same for a payload that was not read yet, in the kernel; the number of events, whose types it then has, or 0: none
   * for it. What it has written must be flushed before it reads anything else.
   */
  record(payload: Uint8Array): number {
    const recorder = this.#recorder;
    if (recorder === null || !(this.#isRecording ?? this.#startRecording(recorder))) return 0;
    const { high, low } = this.#envelope;
    // The next number; one that carries is left to `add`.
    const count = low === 0xffff_ffff ? 0 : recorder.write(payload, high, low + 1);
    if (count === 0) return 0;
    const size = recorder.endOf(count - 1);
    if (!this.#arena.hasRoom(size)) return 0;
    this.#envelope.count();
    recorder.keep(size);
    const before = this.#arena.at - this.#start;
    for (let event = 0; event < count; event += 1) this.#ends.push(before + recorder.endOf(event));
    return count;
  }

  #startRecording(recorder: Recorder): boolean {
    const pieces = this.#form === 'event' ? this.#envelope.pieces(fastTypes) : null;
    this.#isRecording = pieces !== null && recorder.begin(pieces);
    return this.#isRecording;
  }

  /** Puts what stands in the kernel's memory behind what was written. */
  flush(): void {
    const recorder = this.#recorder;
    if (recorder === null || recorder.size === 0) return;
    const { size } = recorder;
    recorder.take(this.#arena.bytes, this.#arena.at);
    this.#arena.at += size;
  }

  /** Records written since the first batch. */
  get records(): number {
    return this.#ends.length;
  }

  /** Bytes of these. */
  get size(): number {
    return this.#arena.at - this.#start + (this.#recorder?.size ?? 0);
  }

  /** What was written since the first batch; the caller holds its memory. */
  end(): Rendered {
    this.flush();
    const { bytes, at } = this.#arena;
    return { bytes: bytes.subarray(this.#start, at), ends: this.#ends, memory: this.#arena.hold() };
  }

  #roomFor({ from, count, ends }: Bodies): number {
    return (this.#envelope.size + most) * count + (ends[count - 1] as number) - from;
  }

  #write(bodies: Bodies): void {
    this.#arena.at = this.#form === 'event' ? this.#writeEvents(bodies) : this.#writeBatch(bodies);
  }

  /** One record per event. */
  #writeEvents({ bytes, from: start, count, types, ends }: Bodies): number {
    const arena = this.#arena;
    const target = arena.bytes;
    let { at } = arena;
    let from = start;
    for (let index = 0; index < count; index += 1) {
      at = this.#envelope.writeEvent(arena, at, { type: types[index] as FastType, index, count });
      at = put(target, at, eventLabel);
      const to = ends[index] as number;
      bytes.copy(target, at, from, to);
      at += to - from;
      target[at++] = close;
      target[at++] = newline;
      this.#ends.push(at - this.#start);
      from = to;
    }
    return at;
  }

  /** One record with all of them. */
  #writeBatch({ bytes, from: start, count, types, ends }: Bodies): number {
    const arena = this.#arena;
    const target = arena.bytes;
    let at = put(target, this.#envelope.writeBatch(arena, arena.at, batchLabel, count), eventsLabel);
    target[at++] = openList;
    let from = start;
    for (let index = 0; index < count; index += 1) {
      const to = ends[index] as number;
      if (index > 0) target[at++] = comma;
      at = put(target, at, (types[index] as FastType).member);
      // The object with its type as its first member.
      if (to - from > emptyObject) target[at++] = comma;
      bytes.copy(target, at, from + 1, to);
      at += to - from - 1;
      from = to;
    }
    target[at++] = closeList;
    target[at++] = close;
    target[at++] = newline;
    this.#ends.push(at - this.#start);
    return at;
  }
}
