/** Fingerprints kept over all streams: about 40 MB. */
const maxKept = 400_000;

/** Counts what all overlaps keep together. */
export class OverlapBudget {
  kept = 0;
}

/**
 * Numbers that a replay accounted for and that may still come live: the publisher's PUB socket queues for a bridge that
 * was away, and a replay overtakes what waits there. Live frames come in order, so what lies behind one is forgotten.
 */
export class Overlap {
  readonly #budget: OverlapBudget;
  /** By number; null where it was given up: it stands in a gap, and comes too late for its place. */
  readonly #fingerprints = new Map<bigint, number | null>();

  constructor(budget: OverlapBudget) {
    this.#budget = budget;
  }

  /** Numbers come in rising order. Beyond the budget the oldest are forgotten: live, they would count as a restart. */
  add(seq: bigint, fingerprint: number | null): void {
    const [oldest] = this.#fingerprints.keys();
    if (this.#budget.kept >= maxKept && oldest !== undefined) this.#delete(oldest);
    this.#fingerprints.set(seq, fingerprint);
    this.#budget.kept += 1;
  }

  /** Whether this live frame is accounted for already. */
  takes(seq: bigint, fingerprint: number): boolean {
    const known = this.#fingerprints.get(seq);
    for (const before of this.#fingerprints.keys()) {
      if (before > seq) break;
      this.#delete(before);
    }
    return known === null || known === fingerprint;
  }

  /** Live frames are beyond all of it, or the incarnation is over. */
  clear(): void {
    this.#budget.kept -= this.#fingerprints.size;
    this.#fingerprints.clear();
  }

  #delete(seq: bigint): void {
    this.#fingerprints.delete(seq);
    this.#budget.kept -= 1;
  }
}
