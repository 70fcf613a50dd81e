import type { RecordBatch } from '../core/batch.ts';
import type { RecordTap } from '../core/tap.ts';

/** Somebody who watches; the rules of `RecordTap.take` hold. */
export interface Listener {
  offer(batch: RecordBatch): void;
}

/** Hands records on to those who watch now. Lives as long as the process; turns of the bridge come and go before it. */
export class Tap implements RecordTap {
  isOpen = false;
  readonly #listeners = new Set<Listener>();

  readonly take = (batch: RecordBatch): void => {
    for (const listener of this.#listeners) listener.offer(batch);
  };

  add(listener: Listener): void {
    this.#listeners.add(listener);
    this.isOpen = true;
  }

  /** Idempotent. */
  remove(listener: Listener): void {
    this.#listeners.delete(listener);
    this.isOpen = this.#listeners.size > 0;
  }
}
