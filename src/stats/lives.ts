import { Histogram, precision } from './histogram.ts';
import { Sampler } from './sampler.ts';

/** Where a block is: the same hash may be in several media of one engine, and once per KV-cache group. */
export interface Home {
  readonly stream: string;
  readonly medium: string;
  readonly group: string;
}

/** From the first `BlockStored` of a block in one place to its removal; bounded by following fewer blocks when there are many. */
export class Lives {
  readonly #maxBlocks: number;
  readonly #sampler = new Sampler();
  /** By stream, then by medium and group: since when each hash is there, seconds. */
  readonly #stored = new Map<string, Map<string, Map<string, number>>>();
  readonly #lifetimes = new Histogram();
  #size = 0;
  #removed = 0;
  #cleared = 0;
  #unknown = 0;

  constructor(maxBlocks: number) {
    this.#maxBlocks = maxBlocks;
  }

  stored(home: Home, hash: string, at: number): void {
    if (!this.#sampler.follows(hash)) return;
    const hashes = this.#hashes(home);
    // Engines repeat blocks that are stored already.
    if (hashes.has(hash)) return;
    hashes.set(hash, at);
    this.#size += 1;
    while (this.#size > this.#maxBlocks) this.#thinOut();
  }

  removed(home: Home, hash: string, at: number): void {
    if (!this.#sampler.follows(hash)) return;
    const hashes = this.#stored.get(home.stream)?.get(keyOf(home));
    const since = hashes?.get(hash);
    if (hashes === undefined || since === undefined) return;
    hashes.delete(hash);
    this.#size -= 1;
    this.#removed += this.#sampler.weight;
    this.#lifetimes.add(Math.max(0, at - since), this.#sampler.weight);
  }

  /** Everything of a stream is gone, or what is in one medium of it. */
  cleared(stream: string, medium: string | null, at: number): void {
    for (const [key, hashes] of this.#stored.get(stream) ?? []) {
      if (medium !== null && !key.startsWith(`${medium}\0`)) continue;
      for (const since of hashes.values()) this.#lifetimes.add(Math.max(0, at - since), this.#sampler.weight);
      this.#cleared += hashes.size * this.#sampler.weight;
      this.#size -= hashes.size;
      hashes.clear();
    }
  }

  /** After a gap or a restart nobody knows what became of them, or when. */
  lost(stream: string): void {
    for (const hashes of this.#stored.get(stream)?.values() ?? []) {
      this.#unknown += hashes.size * this.#sampler.weight;
      this.#size -= hashes.size;
    }
    this.#stored.delete(stream);
  }

  report() {
    const seconds = (share: number) => rounded(this.#lifetimes.percentile(share));
    return {
      removed: this.#removed,
      cleared: this.#cleared,
      still_stored: this.#size * this.#sampler.weight,
      end_unknown: this.#unknown,
      seconds: { p50: seconds(0.5), p90: seconds(0.9), p99: seconds(0.99), max: rounded(this.#lifetimes.max) },
      precision,
      one_of: this.#sampler.weight,
    };
  }

  #hashes(home: Home): Map<string, number> {
    const homes = this.#stored.get(home.stream) ?? new Map<string, Map<string, number>>();
    this.#stored.set(home.stream, homes);
    const key = keyOf(home);
    const hashes = homes.get(key) ?? new Map<string, number>();
    homes.set(key, hashes);
    return hashes;
  }

  #thinOut(): void {
    this.#sampler.halve();
    for (const hashes of [...this.#stored.values()].flatMap((homes) => [...homes.values()])) {
      for (const hash of hashes.keys()) if (!this.#sampler.follows(hash) && hashes.delete(hash)) this.#size -= 1;
    }
  }
}

function keyOf({ medium, group }: Home): string {
  return `${medium}\0${group}`;
}

function rounded(seconds: number | null): number | null {
  return seconds === null ? null : Number(seconds.toPrecision(4));
}
