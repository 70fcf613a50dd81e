/** For how long arrivals are counted, ms: longer than the burst of one read, shorter than anybody looks. */
const period = 100;

/** How many records come, lately. */
export class ArrivalRate {
  #since = 0;
  #count = 0;
  #perMs = 0;

  /** `now` in ms. */
  add(records: number, now: number): void {
    this.#turn(now);
    this.#count += records;
  }

  /** So many records are likely to come within so many milliseconds. */
  within(ms: number, now: number): number {
    this.#turn(now);
    return this.#perMs * ms;
  }

  #turn(now: number): void {
    const passed = now - this.#since;
    // The clock may be set back.
    if (passed >= 0 && passed < period) return;
    this.#perMs = passed > 0 ? this.#count / passed : 0;
    this.#since = now;
    this.#count = 0;
  }
}
