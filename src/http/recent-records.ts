import type { RecordBatch } from '../core/batch.ts';
import { hideTokens } from '../wire/hide-tokens.ts';
import type { JsonObject } from '../wire/json.ts';
import type { Listener } from './tap.ts';

/** The last records of a batch that are larger are not worth the time that reading them takes from the bridge. */
const largestRead = 262_144;
/** What people can look at; of larger ones only the envelope is shown. */
const longestShown = 16_384;

/** The newest records, for people who want to see what they look like: costs a small copy per batch. */
export class RecentRecords implements Listener {
  readonly #most: number;
  /** Of each batch the last records, which are all that can be among the newest. */
  #copies: Tail[] = [];
  #at = 0;

  constructor(most: number) {
    this.#most = most;
  }

  offer({ bytes, ends }: RecordBatch): void {
    const from = ends.length > this.#most ? (ends[ends.length - this.#most - 1] ?? 0) : 0;
    // Too large to be looked at, or the memory of others that is used again as soon as they have finished with it.
    const copy = bytes.length - from > largestRead ? null : Buffer.from(bytes.subarray(from));
    this.#copies[this.#at % this.#most] = { bytes: copy, ends: ends.slice(-this.#most).map((end) => end - from) };
    this.#at += 1;
  }

  /** Those that came since the last call, oldest first, as JSON texts with tokens hidden. */
  take(): readonly string[] {
    const newest: string[] = [];
    const count = Math.min(this.#at, this.#most);
    for (let back = 1; back <= count && newest.length < this.#most; back += 1) {
      const tail = this.#copies[(this.#at - back) % this.#most];
      if (tail !== undefined) this.#takeOf(tail, newest);
    }
    this.#copies = [];
    this.#at = 0;
    return newest.reverse();
  }

  #takeOf({ bytes, ends }: Tail, newest: string[]): void {
    if (bytes === null) return;
    for (let index = ends.length - 1; index >= 0 && newest.length < this.#most; index -= 1) {
      newest.push(shown(bytes.subarray(index === 0 ? 0 : ends[index - 1], (ends[index] ?? 1) - 1)));
    }
  }
}

interface Tail {
  readonly bytes: Buffer | null;
  readonly ends: readonly number[];
}

function shown(bytes: Buffer): string {
  const record = hideTokens(JSON.parse(bytes.toString()) as JsonObject);
  const text = JSON.stringify(record);
  if (text.length <= longestShown) return text;
  const { event: _event, events: _events, batch_extra: _extra, ...envelope } = record;
  return JSON.stringify({ ...envelope, shortened: text.length });
}
