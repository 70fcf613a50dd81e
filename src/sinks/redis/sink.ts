import { randomUUID } from 'node:crypto';
import type { RecordBatch } from '../../core/batch.ts';
import type { Held } from '../../core/checkpoint.ts';
import type { SinkError } from '../../core/errors.ts';
import type { Lease } from '../../core/lease.ts';
import type { Observe } from '../../core/observer.ts';
import type { Sink, WriteOutcome } from '../../core/sink.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';
import { atLeastOnceArguments, atLeastOnceScript } from './at-least-once.ts';
import { Caller } from './caller.ts';
import { openScript, scanCheckpoints } from './checkpoints.ts';
import type { ConnectionSetup } from './connection.ts';
import { Connection } from './connection.ts';
import type { Call } from './draft.ts';
import { exactlyOnceArguments, exactlyOnceScript } from './exactly-once.ts';
import { Keys } from './keys.ts';
import { known, RedisLease } from './lease.ts';
import { planCalls } from './plan.ts';
import type { RedisConfig } from './settings.ts';
import type { Terms } from './terms.ts';

const allDelivered: WriteOutcome = { deadLettered: 0, batchesDeadLettered: 0 };

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
  readonly #terms: Terms;
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
    this.#terms = {
      bridge,
      field: config.field,
      keep: config.maxLen === null ? '' : String(config.maxLen),
      age: config.maxAge === null ? '' : String(config.maxAge),
    };
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
    const calls = planCalls(batches, { keys: this.#keys, maxRecordBytes: this.#config.maxRecordBytes });
    let firstRefused = batches.length;
    for (const call of calls) {
      try {
        await this.#append(call);
      } catch (error) {
        // An error cannot say how many dead letters were among what is written: it reports none of those batches.
        throw await this.#failure(error, call, Math.min(call.firstBatch, firstRefused));
      }
      for (const index of call.refused.keys()) firstRefused = Math.min(firstRefused, index);
    }
    return firstRefused === batches.length ? allDelivered : this.#deadLettered(calls);
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.close();
  }

  #append(call: Call): Promise<unknown> {
    const keys = [this.#keys.checkpoints, ...call.keys];
    if (this.#owner === '') {
      return this.#caller.evaluate(atLeastOnceScript, keys, atLeastOnceArguments(call, this.#terms));
    }
    const args = exactlyOnceArguments(call, known(this.#fence), this.#terms);
    return this.#caller.evaluate(exactlyOnceScript, keys, args);
  }

  async #failure(error: unknown, { keys }: Call, written: number): Promise<SinkError> {
    const failure = this.#caller.failure(error, written);
    if (failure.code === 'OOM') await this.#trim(keys);
    return failure;
  }

  #deadLettered(calls: readonly Call[]): WriteOutcome {
    const letters = new Map<DeadLetter['reason'], number>();
    let deadLettered = 0;
    const refused = new Set<RecordBatch>();
    for (const call of calls) {
      for (const frames of call.refused.values()) for (const frame of frames) refused.add(frame);
      for (const [reason, records] of call.deadLetters) {
        letters.set(reason, (letters.get(reason) ?? 0) + records);
        deadLettered += records;
      }
    }
    for (const [reason, records] of letters) this.#observe({ fact: 'dead-lettered', sink: 'redis', reason, records });
    return { deadLettered, batchesDeadLettered: refused.size };
  }

  /** A full Redis refuses to append, and so would never trim what has become too old meanwhile; trimming alone it takes. */
  async #trim(streams: readonly string[]): Promise<void> {
    if (this.#config.maxLen === null && this.#config.maxAge === null) return;
    const args = atLeastOnceArguments({ documents: streams.map(() => []), shares: [] }, this.#terms);
    await this.#caller.evaluate(atLeastOnceScript, [this.#keys.checkpoints, ...streams], args).catch(() => {});
  }
}
