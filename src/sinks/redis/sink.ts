import { randomUUID } from 'node:crypto';
import type { RecordBatch } from '../../core/batch.ts';
import type { Held } from '../../core/checkpoint.ts';
import type { Lease } from '../../core/lease.ts';
import type { Observe } from '../../core/observer.ts';
import type { Sink, WriteOutcome } from '../../core/sink.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';
import { Caller } from './caller.ts';
import { openScript, scanCheckpoints } from './checkpoints.ts';
import type { ConnectionSetup } from './connection.ts';
import { Connection } from './connection.ts';
import type { Call } from './draft.ts';
import { Keys } from './keys.ts';
import { known, RedisLease } from './lease.ts';
import { planCalls } from './plan.ts';
import { appendArguments, appendScript } from './script.ts';
import type { RedisConfig } from './settings.ts';

export interface RedisSinkSetup extends ConnectionSetup {
  /** Name of the bridge. */
  readonly bridge: string;
}

/** Appends records to Redis Streams, with one script call for many of them, and keeps its checkpoints beside them. */
export class RedisSink implements Sink {
  readonly lease?: Lease;
  readonly #config: RedisConfig;
  readonly #bridge: string;
  readonly #connections: readonly Connection[];
  readonly #caller: Caller;
  readonly #keys: Keys;
  readonly #observe: Observe;
  /** Who takes the name of the bridge; empty with at-least-once, where nobody does. */
  readonly #owner: string;
  /** Kept over reconnects: only `connect` takes another. */
  #fence = '';

  constructor(setup: RedisSinkSetup, observe: Observe) {
    const { config, bridge } = setup;
    const connection = new Connection(setup);
    this.#config = config;
    this.#bridge = bridge;
    this.#caller = new Caller(connection);
    this.#keys = new Keys(config.stream, config.deadLetter);
    this.#observe = observe;
    if (config.delivery !== 'exactly-once') {
      this.#owner = '';
      this.#connections = [connection];
      return;
    }
    this.#owner = randomUUID();
    const own = new Connection(setup);
    this.#connections = [connection, own];
    const key = this.#keys.checkpoints;
    this.lease = new RedisLease({ caller: new Caller(own), key, bridge, fence: () => this.#fence });
  }

  /** That shows login, rights, type of the keys, and the node to talk to. */
  async connect(): Promise<Held> {
    try {
      const keys = [this.#keys.checkpoints, ...this.#keys.known];
      this.#fence = String(await this.#caller.evaluate(openScript, keys, [this.#bridge, this.#owner]));
      const place = { key: this.#keys.checkpoints, bridge: this.#bridge };
      return await scanCheckpoints(this.#caller, place, this.#observe);
    } catch (error) {
      const failure = this.#caller.failure(error);
      if (failure.code === 'OOM') await this.#trim(this.#keys.known);
      throw failure;
    }
  }

  async write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    const letters = new Map<DeadLetter['reason'], number>();
    let deadLettered = 0;
    const refused = new Set<RecordBatch>();
    let firstRefused = batches.length;
    for (const call of planCalls(batches, { keys: this.#keys, maxRecordBytes: this.#config.maxRecordBytes })) {
      // An error cannot say how many dead letters were among what is written: it reports none of those batches.
      await this.#append(call, Math.min(call.firstBatch, firstRefused));
      for (const [index, frames] of call.refused) {
        firstRefused = Math.min(firstRefused, index);
        for (const frame of frames) refused.add(frame);
      }
      for (const [reason, records] of call.deadLetters) {
        letters.set(reason, (letters.get(reason) ?? 0) + records);
        deadLettered += records;
      }
    }
    for (const [reason, records] of letters) this.#observe({ fact: 'dead-lettered', sink: 'redis', reason, records });
    return { deadLettered, batchesDeadLettered: refused.size };
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.close();
  }

  async #append(call: Call, written: number): Promise<void> {
    try {
      const fence = this.#owner === '' ? '' : known(this.#fence);
      const terms = { bridge: this.#bridge, fence, field: this.#config.field, retention: this.#config };
      const keys = [this.#keys.checkpoints, ...call.documents.keys()];
      await this.#caller.evaluate(appendScript, keys, appendArguments(call, terms));
    } catch (error) {
      const failure = this.#caller.failure(error, written);
      if (failure.code === 'OOM') await this.#trim(call.documents.keys());
      throw failure;
    }
  }

  /** A full Redis refuses to append, and so would never trim what has become too old meanwhile; trimming alone it takes. */
  async #trim(streams: Iterable<string>): Promise<void> {
    if (this.#config.maxLen === null && this.#config.maxAge === null) return;
    const documents = new Map(Array.from(streams, (key) => [key, [] as const]));
    const terms = { bridge: this.#bridge, fence: '', field: this.#config.field, retention: this.#config };
    const args = appendArguments({ documents, shares: [], steps: [] }, terms);
    await this.#caller.evaluate(appendScript, [this.#keys.checkpoints, ...documents.keys()], args).catch(() => {});
  }
}
