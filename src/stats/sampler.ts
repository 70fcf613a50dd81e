/**
 * Which hashes are followed once there are too many: all at first, then every second, every fourth and so on. Chosen by the
 * hash itself, so that a block is followed everywhere or nowhere.
 */
export class Sampler {
  #mask = 0;

  /** Each followed block stands for so many. */
  get weight(): number {
    return this.#mask + 1;
  }

  follows(hash: string): boolean {
    return this.#mask === 0 || (scattered(hash) & this.#mask) === 0;
  }

  /** From now on half of them. */
  halve(): void {
    this.#mask = this.#mask * 2 + 1;
  }
}

/** FNV-1a, and a mix of its bits: engines' own hashes may all be even. */
function scattered(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
