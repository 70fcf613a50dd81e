import type { Json, JsonObject } from '../wire/json.ts';
import { BoundedCounts } from './bounded-counts.ts';
import { Lives } from './lives.ts';
import { Reuse } from './reuse.ts';

/** Whose an event is, and when it was. */
export interface EventContext {
  readonly stream: string;
  readonly pod: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly at: number;
}

interface Size {
  events: number;
  blocks: number;
  tokens: number;
}

const maxSizes = 100;

/** What events say of blocks. */
export class BlockStats {
  readonly #lives: Lives;
  readonly #reuse: Reuse;
  /** By tokens per block. */
  readonly #sizes = new Map<string, Size>();
  readonly #media = new BoundedCounts(50);

  constructor(maxBlocks: number) {
    this.#lives = new Lives(maxBlocks);
    this.#reuse = new Reuse(maxBlocks);
  }

  take(type: string, event: JsonObject, context: EventContext): void {
    const { stream, pod, model, at } = context;
    if (type === 'AllBlocksCleared') {
      this.#lives.cleared(stream, typeof event['medium'] === 'string' ? event['medium'] : null, at);
      return;
    }
    if (type !== 'BlockStored' && type !== 'BlockRemoved') return;
    const hashes = hashesOf(event['block_hashes']);
    const home = { stream, medium: textOf(event['medium']), group: textOf(event['group_idx']) };
    if (type === 'BlockRemoved') {
      for (const hash of hashes) this.#lives.removed(home, hash, at);
      return;
    }
    this.#count(event, hashes.length);
    for (const hash of hashes) {
      this.#lives.stored(home, hash, at);
      this.#reuse.stored(model, hash, pod);
    }
  }

  /** What is known of a stream's blocks may be wrong from here on. */
  lost(stream: string): void {
    this.#lives.lost(stream);
  }

  report() {
    const sizes = [...this.#sizes].map(([size, counts]) => ({
      block_size: size === '' ? null : Number(size),
      ...counts,
    }));
    return {
      stored_by_medium: this.#media.object,
      sizes: sizes.sort((a, b) => b.blocks - a.blocks),
      lifetimes: this.#lives.report(),
      reuse: this.#reuse.report(),
    };
  }

  #count(event: JsonObject, blocks: number): void {
    this.#media.add(textOf(event['medium']) || 'not said', blocks);
    const key = textOf(event['block_size']);
    const size = this.#sizes.get(key) ?? { events: 0, blocks: 0, tokens: 0 };
    if (this.#sizes.size < maxSizes) this.#sizes.set(key, size);
    size.events += 1;
    size.blocks += blocks;
    size.tokens += tokensOf(event);
  }
}

function hashesOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter((hash) => typeof hash === 'string') : [];
}

/** Hidden ones are counted. */
function tokensOf(event: JsonObject): number {
  const { token_ids: tokens, token_ids_hidden: hidden } = event;
  if (Array.isArray(tokens)) return tokens.length;
  return typeof hidden === 'number' ? hidden : 0;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
