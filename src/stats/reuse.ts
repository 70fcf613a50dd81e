import { Sampler } from './sampler.ts';

interface Block {
  stores: number;
  /** The pod that stored it first, and the others. */
  readonly first: number;
  others: Set<number> | null;
}

const shownBlocks = 10;
const maxPods = 100_000;
/** What a block's second pod takes in memory is as much as the block; each further one takes this part of it. */
const furtherPod = 0.2;

/** How often the same block is stored, and on how many pods; hashes of two models are two blocks. */
export class Reuse {
  readonly #maxBlocks: number;
  readonly #sampler = new Sampler();
  readonly #pods = new Map<string, number>();
  /** By model, then by hash. */
  readonly #models = new Map<string, Map<string, Block>>();
  #size = 0;
  /** Memory in use, in blocks of one pod. */
  #cost = 0;
  /** Of all blocks, followed or not. */
  #stores = 0;

  constructor(maxBlocks: number) {
    this.#maxBlocks = maxBlocks;
  }

  stored(model: string, hash: string, pod: string): void {
    this.#stores += 1;
    if (!this.#sampler.follows(hash)) return;
    const blocks = this.#models.get(model) ?? new Map<string, Block>();
    this.#models.set(model, blocks);
    const number = this.#numberOf(pod);
    const block = blocks.get(hash);
    if (block === undefined) {
      blocks.set(hash, { stores: 1, first: number, others: null });
      this.#size += 1;
      this.#cost += 1;
    } else {
      this.#cost -= costOf(block);
      block.stores += 1;
      if (number !== block.first) block.others = (block.others ?? new Set()).add(number);
      this.#cost += costOf(block);
    }
    while (this.#cost > this.#maxBlocks && this.#size > 0) this.#thinOut();
  }

  report() {
    const { weight } = this.#sampler;
    const byPods = new Map<number, number>();
    let shared = 0;
    const top: { model: string; hash: string; pods: number; stores: number }[] = [];
    for (const [model, blocks] of this.#models) {
      for (const [hash, { stores, others }] of blocks) {
        const pods = 1 + (others?.size ?? 0);
        byPods.set(pods, (byPods.get(pods) ?? 0) + weight);
        if (pods > 1) shared += 1;
        if (pods > 1 || stores > 1) keep(top, { model, hash, pods, stores });
      }
    }
    return {
      stores: this.#stores,
      distinct_blocks: this.#size * weight,
      pods: this.#pods.size,
      blocks_on_several_pods: shared * weight,
      share_on_several_pods: this.#size === 0 ? null : Number((shared / this.#size).toFixed(4)),
      blocks_by_pods: Object.fromEntries([...byPods].sort(([a], [b]) => a - b)),
      top: top.map((one) => ({ ...one, model: one.model === '' ? null : one.model })),
      one_of: weight,
    };
  }

  #numberOf(pod: string): number {
    const known = this.#pods.get(pod);
    if (known !== undefined || this.#pods.size >= maxPods) return known ?? maxPods;
    this.#pods.set(pod, this.#pods.size);
    return this.#pods.size - 1;
  }

  #thinOut(): void {
    this.#sampler.halve();
    for (const blocks of this.#models.values()) {
      for (const hash of blocks.keys()) if (!this.#sampler.follows(hash)) blocks.delete(hash);
    }
    const left = [...this.#models.values()].map((blocks) => [...blocks.values()]);
    this.#size = left.reduce((sum, blocks) => sum + blocks.length, 0);
    // Counted afresh: no rounding error adds up.
    this.#cost = left.reduce((sum, blocks) => blocks.reduce((inner, block) => inner + costOf(block), sum), 0);
  }
}

function costOf({ others }: Block): number {
  return others === null ? 1 : 2 + (others.size - 1) * furtherPod;
}

interface Ranked {
  readonly pods: number;
  readonly stores: number;
}

/** Keeps the highest few, in order. */
function keep<T extends Ranked>(top: T[], one: T): void {
  const last = top.at(-1);
  if (top.length === shownBlocks && last !== undefined && compare(last, one) <= 0) return;
  top.push(one);
  top.sort(compare);
  if (top.length > shownBlocks) top.pop();
}

function compare(a: Ranked, b: Ranked): number {
  return b.pods - a.pods || b.stores - a.stores;
}
