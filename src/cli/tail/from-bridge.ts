import { setTimeout as sleep } from 'node:timers/promises';
import { BridgeError } from '../../core/errors.ts';
import type { RecordsRequest } from './bridge-records.ts';
import { openRecords, reasonOf, shown } from './bridge-records.ts';
import type { Take } from './show.ts';

/** Pauses between two tries, ms. */
const firstPause = 250;
const longestPause = 5_000;

/** Why one connection has ended; null: nothing more is wanted. */
type End = string | null;

/**
 * Records of a running bridge, from now on. One that goes away later (a restart, a deployment) is waited for; one that does
 * not answer at all is more likely a wrong address, and is an error.
 */
export class BridgeTail {
  readonly #request: RecordsRequest;
  readonly #note: (message: string) => void;
  readonly #where: string;
  #wasThere = false;
  #pause = firstPause;

  constructor(request: RecordsRequest, note: (message: string) => void) {
    this.#request = request;
    this.#note = note;
    this.#where = shown(request.url);
  }

  async run(take: Take): Promise<void> {
    const { signal } = this.#request;
    while (!signal.aborted) {
      const reason = await this.#once(take);
      if (reason === null || signal.aborted) return;
      this.#note(`the bridge at ${this.#where} is gone (${reason}); waiting for it`);
      await sleep(this.#pause, undefined, { signal }).catch(() => {});
      this.#pause = Math.min(2 * this.#pause, longestPause);
    }
  }

  async #once(take: Take): Promise<End> {
    try {
      const lines = await openRecords(this.#request);
      this.#note(`connected to ${this.#where}${this.#wasThere ? ' again; what it wrote meanwhile is not shown' : ''}`);
      this.#wasThere = true;
      this.#pause = firstPause;
      for await (const line of lines) if (!(await take(line, this.#where))) return null;
      return 'it ended the connection';
    } catch (error) {
      if (this.#request.signal.aborted) return null;
      const isFinal = error instanceof BridgeError && error.code !== 'BRIDGE_AWAY';
      if (isFinal || !this.#wasThere) throw error;
      return reasonOf(error instanceof BridgeError ? (error.cause ?? error) : error);
    }
  }
}
