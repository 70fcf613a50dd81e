import type { Place } from './place.ts';
import { RangeSet } from './range-set.ts';

/** Separate stretches of numbers that are kept of one epoch, and epochs that are kept of one stream. */
const maxRanges = 1_000;
const maxEpochs = 8;

/** One counter of one epoch. */
class Counter {
  readonly seen = new RangeSet(maxRanges);
  /** Seen, or on record as missing. */
  readonly accounted = new RangeSet(maxRanges);
  /** The newest batch, of which there may be more to come. */
  #open = { number: -1n, index: -1 };

  /** False where this was there before. */
  take(number: bigint, index: number): boolean {
    if (!this.seen.has(number)) {
      this.seen.add(number, number);
      this.accounted.add(number, number);
      this.#open = { number, index };
      return true;
    }
    if (number !== this.#open.number || index <= this.#open.index) return false;
    this.#open = { number, index };
    return true;
  }
}

interface Epoch {
  readonly numbered: Counter;
  readonly own: Counter;
}

/**
 * Which records of a stream are there a second time, without remembering their ids: those of one stream come in order, so
 * the numbers that were seen are few stretches.
 */
export class Repeats {
  readonly #epochs = new Map<number, Epoch>();
  #forgotten = 0;
  #isForgetful = false;
  #unexplained = 0n;

  /** Whether what was said may be wrong: too many holes or epochs to remember. */
  get isApproximate(): boolean {
    const counters = [...this.#epochs.values()].flatMap(({ numbered, own }) => [numbered, own]);
    return this.#isForgetful || counters.some(({ seen, accounted }) => seen.isApproximate || accounted.isApproximate);
  }

  /** Numbers between the first and the last of each epoch that are neither there nor on record as missing. */
  get unexplained(): bigint {
    return [...this.#epochs.values()].reduce((sum, { numbered }) => sum + numbered.accounted.holes, this.#unexplained);
  }

  /** False where this record of a batch was there before. */
  take({ epoch, number, isNumbered }: Place, index: number): boolean {
    const { numbered, own } = this.#epoch(epoch);
    return (isNumbered ? numbered : own).take(number, index);
  }

  /** These numbers are on record as missing, both inclusive. */
  gap(epoch: number, from: bigint, to: bigint): void {
    this.#epoch(epoch).numbered.accounted.add(from, to);
  }

  #epoch(epoch: number): Epoch {
    const known = this.#epochs.get(epoch);
    if (known !== undefined) return known;
    this.#isForgetful ||= epoch <= this.#forgotten;
    const made = { numbered: new Counter(), own: new Counter() };
    this.#epochs.set(epoch, made);
    if (this.#epochs.size > maxEpochs) this.#forgetOldest();
    return made;
  }

  #forgetOldest(): void {
    const oldest = Math.min(...this.#epochs.keys());
    this.#unexplained += this.#epochs.get(oldest)?.numbered.accounted.holes ?? 0n;
    this.#epochs.delete(oldest);
    this.#forgotten = Math.max(this.#forgotten, oldest);
  }
}
