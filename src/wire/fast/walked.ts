import type { EventCounts } from '../../core/observer.ts';
import type { Rank } from '../decode.ts';
import { maxEvents } from '../decode.ts';
import { maxMemory } from '../msgpack/limits.ts';
import { walkEvent } from './event.ts';
import type { FastType } from './fields.ts';
import type { Kernel } from './kernel.ts';
import type { Bodies } from './renderer.ts';
import { Values } from './values.ts';

/** `[ts, events]` or `[ts, events, rank]`. */
const fewestSlots = 2;
const mostSlots = 3;
/** What the reference implementation counts for each slot of a batch. */
const slotCost = 200;

const absent: Rank = { present: false };
const nil: Rank = { present: true, value: null };

/** A type counts itself under its name. */
type Counts = { -readonly [Type in keyof EventCounts]: EventCounts[Type] };

/** Takes one batch apart after the other; what stands here is of the last one. */
export class BatchWalk {
  readonly #values: Values;
  readonly #types: FastType[] = [];
  readonly #ends: number[] = [];
  /** Of both; what stands behind is of batches before: to clear a list is to make a new one. */
  #count = 0;
  readonly #counts: Counts = { BlockStored: 0, BlockRemoved: 0, AllBlocksCleared: 0, other: 0 };
  #ts = 0;
  #rank: Rank = absent;

  constructor(kernel: Kernel | null) {
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

  get bodies(): Bodies {
    return { bytes: this.#values.out.bytes, types: this.#types, ends: this.#ends, count: this.#count };
  }

  /** False: a batch for the reference implementation. */
  take(payload: Uint8Array): boolean {
    this.#values.begin(payload);
    this.#count = 0;
    const { walk } = this.#values;
    const slots = walk.list();
    if (slots < fewestSlots || slots > mostSlots) return false;
    if (!this.#takeTime() || !this.#takeEvents() || !this.#takeRank(slots)) return false;
    return walk.isAtEnd && walk.spent + slotCost * slots <= maxMemory;
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
    if (slots < mostSlots) {
      this.#rank = absent;
      return true;
    }
    if (this.#values.walk.takesNil()) {
      this.#rank = nil;
      return true;
    }
    const value = this.#safeInteger();
    if (value < 0) return false;
    // The same rank comes again and again.
    if (!this.#rank.present || this.#rank.value !== value) this.#rank = { present: true, value };
    return true;
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
    const counts = this.#counts;
    counts.BlockStored = 0;
    counts.BlockRemoved = 0;
    counts.AllBlocksCleared = 0;
    for (let index = 0; index < count; index += 1) {
      const type = walkEvent(this.#values);
      if (type === undefined) return false;
      counts[type.name] += 1;
      this.#types[index] = type;
      this.#ends[index] = out.at;
    }
    this.#count = count;
    return true;
  }
}
