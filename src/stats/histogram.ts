/** Two neighbouring buckets differ by this: a percentile is at most so much too high. */
export const precision = 0.02;
const smallest = 1e-6;

/** Non-negative numbers of any size in buckets of equal proportion: a few thousand at most. */
export class Histogram {
  readonly #buckets = new Map<number, number>();
  #total = 0;
  #max = 0;

  add(value: number, weight = 1): void {
    const bucket = value <= smallest ? 0 : Math.ceil(Math.log(value / smallest) / Math.log1p(precision));
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + weight);
    this.#total += weight;
    this.#max = Math.max(this.#max, value);
  }

  /** Null where nothing was added. */
  get max(): number | null {
    return this.#total === 0 ? null : this.#max;
  }

  /** The smallest value that at least `share` of all do not exceed; null where nothing was added. */
  percentile(share: number): number | null {
    let seen = 0;
    for (const [bucket, count] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= share * this.#total)
        return bucket === 0 ? 0 : Math.min(smallest * (1 + precision) ** bucket, this.#max);
    }
    return null;
  }
}
