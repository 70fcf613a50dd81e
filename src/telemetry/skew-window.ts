/** Milliseconds. */
const slotLength = 10_000;
const slots = 6;

/**
 * The smallest difference between the clock here and that of an engine within the last minute. A batch is never received
 * before it was made, so where the smallest is negative the clocks differ; where it is large they differ, or every batch is
 * late.
 */
export class SkewWindow {
  /** The smallest of each slot, the present one last. */
  #slots: number[] = [];
  #smallest = Number.POSITIVE_INFINITY;
  /** Of the present slot. */
  #end = Number.NEGATIVE_INFINITY;

  /** `at`: the clock here, milliseconds. */
  note(skew: number, at: number): void {
    if (this.#isOver(at)) this.#turn(at);
    if (skew < this.#smallest) this.#smallest = skew;
  }

  /** Milliseconds; null where nothing came for a minute. */
  smallest(now: number): number | null {
    if (this.#isOver(now)) this.#turn(now);
    const smallest = Math.min(this.#smallest, ...this.#slots);
    return Number.isFinite(smallest) ? smallest : null;
  }

  /** Also where the clock was set back: nothing noted before that would ever be forgotten. */
  #isOver(at: number): boolean {
    return at >= this.#end || at < this.#end - slotLength;
  }

  #turn(at: number): void {
    const passed = at < this.#end ? slots : Math.min(Math.floor((at - this.#end) / slotLength) + 1, slots);
    const empty = new Array<number>(passed - 1).fill(Number.POSITIVE_INFINITY);
    this.#slots = [...this.#slots, this.#smallest, ...empty].slice(1 - slots);
    this.#smallest = Number.POSITIVE_INFINITY;
    this.#end = (Math.floor(at / slotLength) + 1) * slotLength;
  }
}
