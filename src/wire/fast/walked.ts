import type { EventCounts } from '../../core/observer.ts';
import type { Rank } from '../decode.ts';
import { maxEvents } from '../decode.ts';
import { maxMemory } from '../msgpack/limits.ts';
import { walkEvent } from './event.ts';
import type { FastType } from './fields.ts';
import { fastTypes } from './fields.ts';
import type { Kernel } from './kernel.ts';
import { inputBytes } from './kernel.ts';
import type { Bodies } from './renderer.ts';
import { Values } from './values.ts';

/** `[ts, events]` or `[ts, events, rank]`. */
const fewestSlots = 2;
const mostSlots = 3;
/** What the reference implementation counts for each slot of a batch. */
const slotCost = 200;

const absent: Rank = { present: false };

/** A type counts itself under its name. */
type Counts = { -readonly [Type in keyof EventCounts]: EventCounts[Type] };

/** Takes one batch apart after the other; what stands here is of the last one. */
export class BatchWalk {
  /** One object, of the last batch. */
  readonly bodies: Written = { bytes: Buffer.alloc(0), from: 0, count: 0, types: [], ends: [] };
  readonly #kernel: Kernel | null;
  readonly #values: Values;
  readonly #counts: Counts = { BlockStored: 0, BlockRemoved: 0, AllBlocksCleared: 0, other: 0 };
  #ts = 0;
  #rank: Rank = absent;

  constructor(kernel: Kernel | null) {
    this.#kernel = kernel;
    this.#values = new Values(kernel);
  }

  get ts(): number {
    return this.#ts;
  }

  get rank(): Rank {
    return this.#rank;
  }

  /** One object, whose numbers change with the next batch. */
  get counts(): EventCounts {
    return this.#counts;
  }

  /** False: a batch for the reference implementation. */
  take(payload: Uint8Array): boolean {
    return (this.#kernel !== null && this.#takeByKernel(this.#kernel, payload)) || this.#takeByValues(payload);
  }

  #takeByKernel(kernel: Kernel, payload: Uint8Array): boolean {
    const count = payload.length > inputBytes ? 0 : kernel.walk(payload);
    this.#ts = kernel.time;
    if (count === 0 || !Number.isFinite(this.#ts)) return false;
    this.#noteRank(kernel.rank);
    this.#begin(kernel.output, kernel.start);
    for (let event = 0; event < count; event += 1)
      this.#note(fastTypes[kernel.typeOf(event) - 1] as FastType, kernel.endOf(event));
    return true;
  }

  #takeByValues(payload: Uint8Array): boolean {
    this.#values.begin(payload);
    const { walk } = this.#values;
    const slots = walk.list();
    if (slots < fewestSlots || slots > mostSlots) return false;
    if (!this.#takeTime() || !this.#takeEvents() || !this.#takeRank(slots)) return false;
    return walk.isAtEnd && walk.spent + slotCost * slots <= maxMemory;
  }

  /** Of a batch that the kernel has written as so many records: time and counts. */
  noteRecords(count: number): void {
    const kernel = this.#kernel as Kernel;
    this.#ts = kernel.time;
    this.#countNone();
    for (let event = 0; event < count; event += 1)
      this.#counts[(fastTypes[kernel.typeOf(event) - 1] as FastType).name] += 1;
  }

  #begin(bytes: Buffer, from: number): void {
    const { bodies } = this;
    bodies.bytes = bytes;
    bodies.from = from;
    bodies.count = 0;
    this.#countNone();
  }

  #countNone(): void {
    const counts = this.#counts;
    counts.BlockStored = 0;
    counts.BlockRemoved = 0;
    counts.AllBlocksCleared = 0;
  }

  /** The lists keep what they have: to empty them would be to make them anew. */
  #note(type: FastType, end: number): void {
    const { bodies } = this;
    bodies.types[bodies.count] = type;
    bodies.ends[bodies.count] = end;
    bodies.count += 1;
    this.#counts[type.name] += 1;
  }

  #takeTime(): boolean {
    const { walk } = this.#values;
    if (walk.takesFloat()) {
      this.#ts = walk.float;
      return Number.isFinite(walk.float);
    }
    const value = this.#safeInteger();
    this.#ts = value;
    return value >= 0;
  }

  #takeRank(slots: number): boolean {
    const isNil = slots === mostSlots && this.#values.walk.takesNil();
    const value = slots < mostSlots ? undefined : isNil ? null : this.#safeInteger();
    this.#noteRank(value);
    return (value ?? 0) >= 0;
  }

  /** The same rank comes again and again. */
  #noteRank(value: number | null | undefined): void {
    if (value === undefined) this.#rank = absent;
    else if (!this.#rank.present || this.#rank.value !== value) this.#rank = { present: true, value };
  }

  /** Negative: something else. */
  #safeInteger(): number {
    const { walk } = this.#values;
    if (!walk.takesInteger() || !walk.isSafe || walk.isNegative) return -1;
    return walk.high * 0x1_0000_0000 + walk.low;
  }

  /** None at all makes another record: that is left to the reference implementation as well. */
  #takeEvents(): boolean {
    const { walk, out } = this.#values;
    const count = walk.list();
    if (count < 1 || count > maxEvents) return false;
    this.#begin(out.bytes, 0);
    for (let index = 0; index < count; index += 1) {
      const type = walkEvent(this.#values);
      if (type === undefined) return false;
      this.#note(type, out.at);
    }
    // It may have grown.
    this.bodies.bytes = out.bytes;
    return true;
  }
}

type Written = { -readonly [Key in keyof Bodies]: Bodies[Key] } & { types: FastType[]; ends: number[] };
