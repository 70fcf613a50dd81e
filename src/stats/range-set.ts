interface Range {
  from: bigint;
  to: bigint;
}

/** Numbers as sorted ranges, bounded in their number: beyond that the lowest two are joined, holes and all. */
export class RangeSet {
  readonly #ranges: Range[] = [];
  readonly #limit: number;
  /** Whether ranges were joined: then some numbers in it were never added. */
  isApproximate = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  has(number: bigint): boolean {
    const range = this.#ranges[this.#firstEndingFrom(number)];
    return range !== undefined && range.from <= number;
  }

  /** Both inclusive. */
  add(from: bigint, to: bigint): void {
    const last = this.#ranges.at(-1);
    // Nearly always the next number.
    if (last !== undefined && from === last.to + 1n) {
      last.to = to;
      return;
    }
    const start = this.#firstEndingFrom(from - 1n);
    let end = start;
    let merged = { from, to };
    for (let next = this.#ranges[end]; next !== undefined && next.from <= to + 1n; next = this.#ranges[end]) {
      merged = { from: lower(next.from, merged.from), to: higher(next.to, merged.to) };
      end += 1;
    }
    this.#ranges.splice(start, end - start, merged);
    if (this.#ranges.length > this.#limit) this.#joinLowest();
  }

  /** How many numbers between the lowest and the highest are not in it. */
  get holes(): bigint {
    let holes = 0n;
    for (let index = 1; index < this.#ranges.length; index += 1) {
      holes += (this.#ranges[index]?.from ?? 0n) - (this.#ranges[index - 1]?.to ?? 0n) - 1n;
    }
    return holes;
  }

  #joinLowest(): void {
    const [first, second] = this.#ranges;
    if (first === undefined || second === undefined) return;
    this.#ranges.splice(0, 2, { from: first.from, to: second.to });
    this.isApproximate = true;
  }

  /** Index of the first range that does not end before `number`. */
  #firstEndingFrom(number: bigint): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.to ?? 0n) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lower(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function higher(a: bigint, b: bigint): bigint {
  return lower(a, b) === a ? b : a;
}
