/** From when to when, and how many per second. */
export class TimeSpan {
  #first: number | null = null;
  #last: number | null = null;

  /** Seconds since 1970; what is no time is passed over. */
  take(seconds: number | null): void {
    if (seconds === null) return;
    this.#first = Math.min(this.#first ?? seconds, seconds);
    this.#last = Math.max(this.#last ?? seconds, seconds);
  }

  report(records: number) {
    const [first, last] = [this.#first, this.#last];
    const seconds = first === null || last === null ? null : Number((last - first).toFixed(3));
    const rate = seconds === null || seconds === 0 ? null : Number((records / seconds).toPrecision(4));
    return { first, last, seconds, records_per_second: rate };
  }
}
