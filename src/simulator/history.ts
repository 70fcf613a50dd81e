import { hash } from 'node:crypto';
import type { CacheEvent } from './event.ts';
import { Random } from './random.ts';
import type { WireValue } from './value.ts';
import { integer } from './value.ts';

/**
 * `int`: vLLM's default, the digest's last 8 bytes, unsigned; `bytes`: vLLM's raw 32-byte digest; `signed`: SGLang's, the
 * first 8 bytes, signed.
 */
export const hashKinds = ['int', 'bytes', 'signed'] as const;
export type HashKind = (typeof hashKinds)[number];

export interface HistoryOptions {
  readonly seed: number;
  readonly hash: HashKind;
}

const blockSize = 16;
const vocabulary = 151_936;
/** Requests that decode at the same time. */
const concurrentRequests = 32;
const blocksPerRequest = 64;
/** Blocks the made-up cache remembers at least; older ones are forgotten without an event. */
const capacity = 8_192;

interface Block {
  readonly digest: Buffer;
}

interface Request {
  parent: Block | null;
  blocks: number;
}

/** The made-up life of one engine's cache: chained hashes, and removals only of blocks that are stored. */
export class CacheHistory {
  readonly #random: Random;
  readonly #kind: HashKind;
  readonly #requests: Request[] = [];
  #held: Block[] = [];

  constructor(options: HistoryOptions) {
    this.#random = new Random(options.seed);
    this.#kind = options.hash;
  }

  get random(): Random {
    return this.#random;
  }

  /** One running request fills one block. */
  decode(): CacheEvent {
    const index = this.#random.between(0, concurrentRequests - 1);
    const request = this.#requests[index] ?? { parent: null, blocks: 0 };
    const event = this.#store(request, 1);
    this.#requests[index] = request.blocks < blocksPerRequest ? request : { parent: null, blocks: 0 };
    return event;
  }

  /** A new prompt of so many blocks. */
  prefill(blocks: number): CacheEvent {
    return this.#store({ parent: null, blocks: 0 }, blocks);
  }

  /** Up to `most` stored blocks leave the cache; a store where there are none. */
  remove(most: number): CacheEvent {
    const count = Math.min(this.#held.length, this.#random.between(1, most));
    if (count === 0) return this.prefill(most);
    const start = this.#random.between(0, this.#held.length - count);
    const blocks = this.#held.splice(start, count);
    return {
      type: 'BlockRemoved',
      fields: { block_hashes: blocks.map((block) => this.#hash(block)), medium: 'GPU', group_idx: 0 },
    };
  }

  clear(): CacheEvent {
    this.#held = [];
    this.#requests.length = 0;
    return { type: 'AllBlocksCleared', fields: {} };
  }

  #store(request: Request, count: number): CacheEvent {
    const parent = request.parent;
    const tokens = Array.from({ length: count * blockSize }, () => this.#random.between(0, vocabulary - 1));
    const blocks: Block[] = [];
    for (let start = 0; start < tokens.length; start += blockSize) {
      const block = chain(request.parent, tokens.slice(start, start + blockSize));
      request.parent = block;
      blocks.push(block);
    }
    request.blocks += count;
    this.#held.push(...blocks);
    // In large steps: moving the whole list for every block would cost more than the block.
    if (this.#held.length > 2 * capacity) this.#held.splice(0, this.#held.length - capacity);
    return {
      type: 'BlockStored',
      fields: {
        block_hashes: blocks.map((block) => this.#hash(block)),
        parent_block_hash: parent === null ? null : this.#hash(parent),
        token_ids: tokens,
        block_size: blockSize,
        lora_id: null,
        medium: 'GPU',
        lora_name: null,
        extra_keys: blocks.map(() => null),
        group_idx: 0,
        kv_cache_spec_kind: 'full_attention',
      },
    };
  }

  #hash({ digest }: Block): WireValue {
    switch (this.#kind) {
      case 'int':
        return integer(digest.readBigUInt64BE(24));
      case 'bytes':
        return digest;
      case 'signed':
        return integer(digest.readBigInt64BE(0));
    }
  }
}

/** A block's hash covers its parent's, so it stands for the whole prefix. */
function chain(parent: Block | null, tokens: readonly number[]): Block {
  const bytes = Buffer.alloc(32 + 4 * tokens.length);
  parent?.digest.copy(bytes);
  for (const [index, token] of tokens.entries()) bytes.writeUInt32LE(token, 32 + 4 * index);
  return { digest: hash('sha256', bytes, 'buffer') };
}
