import type { EventCounts } from '../../core/observer.ts';
import type { Rank } from '../decode.ts';
import { maxEvents } from '../decode.ts';
import { maxMemory } from '../msgpack/limits.ts';
import { walkEvent } from './event.ts';
import type { FastType } from './fields.ts';
import type { Bodies } from './renderer.ts';
import { Values } from './values.ts';

/** `[ts, events]` or `[ts, events, rank]`. */
const fewestSlots = 2;
const mostSlots = 3;
/** What the reference implementation counts for each slot of a batch. */
const slotCost = 200;

const absent: Rank = { present: false };
const nil: Rank = { present: true, value: null };

/** What a batch says of itself. */
export interface Walked {
  readonly ts: number;
  readonly rank: Rank;
  readonly counts: EventCounts;
}

/** Takes one batch apart after the other; the events of the last one stand in `bodies`. */
export class BatchWalk {
  readonly #values = new Values();
  #types: FastType[] = [];
  #ends: number[] = [];

  get bodies(): Bodies {
    return { bytes: this.#values.out.bytes, types: this.#types, ends: this.#ends };
  }

  /** Null: a batch for the reference implementation. */
  take(payload: Uint8Array): Walked | null {
    this.#values.begin(payload);
    this.#types = [];
    this.#ends = [];
    const { walk } = this.#values;
    const slots = walk.list();
    if (slots < fewestSlots || slots > mostSlots) return null;
    const ts = this.#time();
    const counts = ts === null ? null : this.#events();
    if (ts === null || counts === null) return null;
    const rank = slots === mostSlots ? this.#rank() : absent;
    const isWhole = walk.isAtEnd && walk.spent + slotCost * slots <= maxMemory;
    return rank !== null && isWhole ? { ts, rank, counts } : null;
  }

  #time(): number | null {
    const { walk } = this.#values;
    if (walk.takesFloat()) return Number.isFinite(walk.float) ? walk.float : null;
    return this.#safeInteger();
  }

  #rank(): Rank | null {
    if (this.#values.walk.takesNil()) return nil;
    const value = this.#safeInteger();
    return value === null ? null : { present: true, value };
  }

  #safeInteger(): number | null {
    const { walk } = this.#values;
    if (!walk.takesInteger() || !walk.isSafe || walk.isNegative) return null;
    return walk.high * 0x1_0000_0000 + walk.low;
  }

  /** None at all makes another record: that is left to the reference implementation as well. */
  #events(): EventCounts | null {
    const { walk, out } = this.#values;
    const count = walk.list();
    if (count < 1 || count > maxEvents) return null;
    const counts = { BlockStored: 0, BlockRemoved: 0, AllBlocksCleared: 0, other: 0 };
    for (let index = 0; index < count; index += 1) {
      const type = walkEvent(this.#values);
      if (type === undefined) return null;
      counts[type.name] += 1;
      this.#types.push(type);
      this.#ends.push(out.at);
    }
    return counts;
  }
}
