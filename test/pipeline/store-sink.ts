import type { RecordBatch } from '../../src/core/batch.ts';
import type { Checkpoint, Held } from '../../src/core/checkpoint.ts';
import { comparePositions } from '../../src/core/checkpoint.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink, WriteOutcome } from '../../src/core/sink.ts';

/** A store that survives the bridges that write to it; each record batch and its checkpoint are kept together. */
export class Store {
  readonly batches: RecordBatch[] = [];
  readonly checkpoints = new Map<string, Checkpoint>();
}

/** What becomes of one write: all of it, or so many batches and then an error, or an end of the bridge without a word. */
export type WriteFate =
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'unanswered'; readonly taken: number }
  | { readonly kind: 'killed'; readonly taken: number };

export interface StoreSinkOptions {
  /** `early`: a broken store, whose checkpoint moves before it has the records. */
  readonly order?: 'together' | 'early';
  readonly fates: readonly WriteFate[];
}

/** One bridge's sink on a store, exactly-once: compares positions, as a server-side script does. */
export class StoreSink implements Sink {
  readonly #store: Store;
  readonly #options: StoreSinkOptions;
  #writes = 0;
  /** The bridge is dead: nothing of it reaches the store any more. */
  isDead = false;

  constructor(store: Store, options: StoreSinkOptions) {
    this.#store = store;
    this.#options = options;
  }

  connect(): Promise<Held> {
    return this.isDead ? never() : Promise.resolve(new Map(this.#store.checkpoints));
  }

  async write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    const fate = this.#options.fates[this.#writes++] ?? { kind: 'confirmed' };
    if (this.isDead) return never();
    const count = fate.kind === 'confirmed' ? batches.length : Math.min(fate.taken, batches.length);
    for (const batch of batches.slice(0, count)) this.#take(batch);
    if (fate.kind === 'confirmed') return { deadLettered: 0, batchesDeadLettered: 0 };
    if (fate.kind === 'killed') {
      this.isDead = true;
      const next = batches[count];
      if (this.#options.order === 'early' && next !== undefined)
        this.#store.checkpoints.set(next.stream.id, next.checkpoint);
      return never();
    }
    throw new SinkError({ kind: 'reopen', code: 'UNANSWERED', message: 'the answer was lost' });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #take(batch: RecordBatch): void {
    const held = this.#store.checkpoints.get(batch.stream.id)?.position;
    if (held !== undefined && comparePositions(batch.checkpoint.position, held) <= 0) return;
    if (batch.follows !== null && (held === undefined || comparePositions(held, batch.follows) < 0)) {
      throw new SinkError({ kind: 'reopen', code: 'STORE_LOST', message: 'the store holds less than it should' });
    }
    this.#store.batches.push(batch);
    this.#store.checkpoints.set(batch.stream.id, batch.checkpoint);
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
