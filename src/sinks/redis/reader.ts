import { setTimeout as sleep } from 'node:timers/promises';
import { BridgeError } from '../../core/errors.ts';
import type { ReadingOptions, RecordReader, StoredRecord } from '../../core/record-reader.ts';
import { literalPieces } from '../template.ts';
import { Caller } from './caller.ts';
import type { ConnectionSetup } from './connection.ts';
import { Connection } from './connection.ts';
import type { Entry } from './entries.ts';
import { entriesOf, globOf, lastIdOf, streamsOf } from './entries.ts';
import { Keys } from './keys.ts';

/** Entries that one call answers. */
const step = '500';
/** How often streams of a template are looked for that are new, and how long one call waits for entries, ms. */
const lookEvery = 2_000;
const longestWait = 1_000;
const oldest = '0-0';

/**
 * Reads the stream, or all streams that a template may have made, with XRANGE and XREAD: never as a consumer group, which
 * would leave something behind.
 */
export class RedisReader implements RecordReader {
  readonly #setup: ConnectionSetup;
  readonly #connection: Connection;
  readonly #caller: Caller;
  readonly #keys: Keys;

  constructor(setup: ConnectionSetup) {
    const { stream, deadLetter } = setup.config;
    this.#setup = setup;
    this.#connection = new Connection(setup);
    this.#caller = new Caller(this.#connection);
    this.#keys = new Keys(stream, deadLetter);
  }

  async *records(options: ReadingOptions): AsyncGenerator<StoredRecord> {
    const { signal, follow, from } = options;
    // A call that waits for entries ends at once.
    const abandon = () => this.#connection.close();
    signal.addEventListener('abort', abandon, { once: true });
    try {
      if (follow) yield* this.#follow(from, signal);
      else if (from === 'start') yield* this.#readAll(options);
    } catch (error) {
      if (signal.aborted) return;
      const { code, message } = this.#caller.failure(error);
      throw new BridgeError(code, message);
    } finally {
      signal.removeEventListener('abort', abandon);
    }
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  async *#readAll({ signal, onProgress }: ReadingOptions): AsyncGenerator<StoredRecord> {
    const ends = new Map<string, string>();
    let total = 0;
    for (const key of await this.#streams()) {
      const end = await this.#lastId(key);
      if (end === oldest) continue;
      ends.set(key, end);
      total += Number(await this.#caller.call('XLEN', key));
    }
    let done = 0;
    for (const [key, end] of ends) {
      for (let start = '-'; !signal.aborted; ) {
        const entries = entriesOf(await this.#caller.call('XRANGE', key, start, end, 'COUNT', step));
        yield* this.#recordsOf(key, entries);
        done += entries.length;
        // Trimming and appending go on meanwhile.
        onProgress?.(done, Math.max(total, done));
        const last = entries.at(-1);
        if (last === undefined) break;
        start = `(${last.id}`;
      }
    }
  }

  async *#follow(from: ReadingOptions['from'], signal: AbortSignal): AsyncGenerator<StoredRecord> {
    /** By key: the last entry that was read. */
    const after = new Map<string, string>();
    for (const key of await this.#streams()) after.set(key, from === 'start' ? oldest : await this.#lastId(key));
    for (let lookedAt = performance.now(); !signal.aborted; ) {
      if (performance.now() - lookedAt >= lookEvery) {
        await this.#addNew(after);
        lookedAt = performance.now();
      }
      if (after.size === 0) await sleep(longestWait, undefined, { signal }).catch(() => {});
      else yield* this.#next(after);
    }
  }

  /** A stream that was not there before is read from its beginning. */
  async #addNew(after: Map<string, string>): Promise<void> {
    for (const key of await this.#streams()) if (!after.has(key)) after.set(key, oldest);
  }

  async *#next(after: Map<string, string>): AsyncGenerator<StoredRecord> {
    const wait = String(Math.floor(Math.min(longestWait, this.#setup.config.commandTimeout / 2)));
    const ids = [...after.keys(), ...after.values()];
    const answer = await this.#caller.call('XREAD', 'COUNT', step, 'BLOCK', wait, 'STREAMS', ...ids);
    for (const [key, entries] of streamsOf(answer)) {
      yield* this.#recordsOf(key, entries);
      const last = entries.at(-1);
      if (last !== undefined) after.set(key, last.id);
    }
  }

  /** What somebody else has put into the stream has no such field. */
  *#recordsOf(key: string, entries: readonly Entry[]): Generator<StoredRecord> {
    for (const { id, fields } of entries) {
      const at = fields.findIndex((name, index) => index % 2 === 0 && name === this.#setup.config.field);
      const text = at === -1 ? undefined : fields[at + 1];
      if (text !== undefined) yield { text, place: `${key} ${id}` };
    }
  }

  async #lastId(key: string): Promise<string> {
    return lastIdOf(await this.#caller.call('XREVRANGE', key, '+', '-', 'COUNT', '1')) ?? oldest;
  }

  async #streams(): Promise<readonly string[]> {
    const pieces = literalPieces(this.#setup.config.stream);
    if (pieces.length === 1) return pieces;
    // SCAN asks the node that it is sent to: in a cluster first find the one that owns these keys.
    await this.#caller.call('TYPE', this.#keys.checkpoints);
    const found = new Set<string>();
    let cursor = '0';
    do {
      const pattern = ['MATCH', globOf(pieces), 'COUNT', '1000', 'TYPE', 'stream'];
      const [next, keys] = (await this.#caller.call('SCAN', cursor, ...pattern)) as [string, string[]];
      cursor = next;
      for (const key of keys) if (key !== this.#keys.deadLetter) found.add(key);
    } while (cursor !== '0');
    return [...found].sort();
  }
}
