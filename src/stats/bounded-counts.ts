/** What comes after so many different names counts under this one. */
export const others = '(other)';

/** Counts by name, bounded in the number of names: they are the publishers' choice. */
export class BoundedCounts {
  readonly #counts = new Map<string, number>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(name: string, by = 1): void {
    const key = this.#counts.has(name) || this.#counts.size < this.#limit ? name : others;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + by);
  }

  /** The most frequent first. */
  get entries(): readonly (readonly [string, number])[] {
    return [...this.#counts].sort(([, a], [, b]) => b - a);
  }

  get object(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.entries);
  }
}
