/** Exponential backoff with jitter: between half of the step and the whole, so that many bridges do not knock in step. */
export class Backoff {
  readonly #initial: number;
  readonly #max: number;
  readonly #random: () => number;
  #step: number;
  #attempt = 0;

  /** `initial`, `max`: milliseconds; `random`: 0 <= r < 1. */
  constructor(initial: number, max: number, random: () => number) {
    this.#initial = Math.min(initial, max);
    this.#max = max;
    this.#random = random;
    this.#step = this.#initial;
  }

  /** How often `next` was asked since the last success. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Milliseconds to wait before the next try. */
  next(): number {
    const delay = this.#step * (0.5 + this.#random() / 2);
    this.#step = Math.min(this.#step * 2, this.#max);
    this.#attempt += 1;
    return delay;
  }

  reset(): void {
    this.#step = this.#initial;
    this.#attempt = 0;
  }
}
