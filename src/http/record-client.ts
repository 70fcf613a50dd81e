import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { RecordBatch } from '../core/batch.ts';
import { hideTokens } from '../wire/hide-tokens.ts';
import type { JsonObject } from '../wire/json.ts';
import type { RecordQuery } from './record-query.ts';
import { wantsBatch, wantsRecord } from './record-query.ts';
import { RecordQueue } from './record-queue.ts';
import type { Listener } from './tap.ts';

/**
 * Reading and hiding costs far more than passing records on. Work comes in turns of at most so many milliseconds, and
 * where more waits, the bridge has twice that for itself: watching a busy bridge must not slow it down much.
 */
const turn = 4;
const pause = 8;
/** Characters that are written at once. */
const chunk = 65_536;

/** One reader of `/records`. */
export class RecordClient implements Listener {
  readonly #query: RecordQuery;
  readonly #output: ServerResponse;
  readonly #queue: RecordQueue;
  #isWriting = false;

  /** `limit`: bytes that may wait for it. */
  constructor(query: RecordQuery, output: ServerResponse, limit: number) {
    this.#query = query;
    this.#output = output;
    this.#queue = new RecordQueue(limit);
  }

  offer(batch: RecordBatch): void {
    if (!wantsBatch(this.#query, batch)) return;
    this.#queue.add(batch);
    if (this.#isWriting) return;
    this.#isWriting = true;
    void this.#write();
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    // Not inside the pipeline's call.
    await setImmediate();
    while (!this.#queue.isEmpty && !this.#isGone) {
      const hasRoom = this.#output.write(this.#turn());
      if (!hasRoom) await this.#drained();
      else if (!this.#queue.isEmpty) await sleep(pause);
    }
    this.#isWriting = false;
  }

  get #isGone(): boolean {
    return this.#output.destroyed || this.#output.writableEnded;
  }

  async #drained(): Promise<void> {
    if (this.#isGone) return;
    const waited = new AbortController();
    const { signal } = waited;
    await Promise.race([once(this.#output, 'drain', { signal }), once(this.#output, 'close', { signal })]).catch(
      () => {},
    );
    waited.abort();
  }

  #turn(): string {
    const until = performance.now() + turn;
    let text = '';
    while (text.length < chunk && performance.now() < until) {
      const next = this.#queue.next();
      if (next === undefined) break;
      text += 'skipped' in next ? `{"type":"TailSkipped","skipped":${next.skipped}}\n` : this.#line(next.record);
    }
    return text;
  }

  #line(bytes: Buffer): string {
    const text = bytes.toString();
    if (this.#query.tokens && this.#query.types.length === 0) return `${text}\n`;
    const record = JSON.parse(text) as JsonObject;
    if (!wantsRecord(this.#query, record)) return '';
    return `${this.#query.tokens ? text : JSON.stringify(hideTokens(record))}\n`;
  }
}
