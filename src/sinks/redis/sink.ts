import type { RecordBatch } from '../../core/batch.ts';
import { SinkError } from '../../core/errors.ts';
import type { Observe } from '../../core/observer.ts';
import type { Sink, WriteOutcome } from '../../core/sink.ts';
import type { ConnectionSetup } from './connection.ts';
import { Connection } from './connection.ts';
import { troubleOf } from './errors.ts';
import { Keys } from './keys.ts';
import type { Call } from './plan.ts';
import { planCalls } from './plan.ts';
import type { Retention } from './script.ts';
import { appendScript, appendScriptSha, keepAll, scriptArguments } from './script.ts';
import type { RedisConfig } from './settings.ts';

/** More nodes than this in a row do not know who owns a slot: the cluster is changing. */
const maxRedirects = 3;

const nothing = Buffer.alloc(0);

/** Appends records to Redis Streams, with one script call for many of them. */
export class RedisSink implements Sink {
  readonly #config: RedisConfig;
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #observe: Observe;

  constructor(setup: ConnectionSetup, observe: Observe) {
    this.#config = setup.config;
    this.#connection = new Connection(setup);
    this.#keys = new Keys(setup.config.stream, setup.config.deadLetter);
    this.#observe = observe;
  }

  /** Runs the script with nothing to append: that shows login, rights, type of the keys, and the node to talk to. */
  async connect(): Promise<null> {
    try {
      await this.#evaluate(emptied(this.#keys.known), keepAll);
      return null;
    } catch (error) {
      throw this.#failure(error, 0);
    }
  }

  async write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    let deadLettered = 0;
    for (const call of planCalls(batches, { keys: this.#keys, maxRecordBytes: this.#config.maxRecordBytes })) {
      await this.#append(call);
      for (const [reason, records] of call.deadLetters) {
        deadLettered += records;
        this.#observe({ fact: 'dead-lettered', sink: 'redis', reason, records });
      }
    }
    return { deadLettered, batchesDeadLettered: 0 };
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  async #append(call: Call): Promise<void> {
    try {
      await this.#evaluate(call.documents, this.#config);
    } catch (error) {
      const failure = this.#failure(error, call.firstBatch);
      if (failure.code === 'OOM') await this.#trim(call);
      throw failure;
    }
  }

  /** A full Redis refuses to append, and so would never trim what has become too old meanwhile; trimming alone it takes. */
  async #trim(call: Call): Promise<void> {
    if (this.#config.maxLen === null && this.#config.maxAge === null) return;
    await this.#evaluate(emptied(call.documents.keys()), this.#config).catch(() => {});
  }

  async #evaluate(documents: ReadonlyMap<string, Buffer>, retention: Retention): Promise<void> {
    const args = scriptArguments(this.#config.field, retention, documents);
    for (let redirects = 0; ; redirects++) {
      const client = await this.#connection.ready();
      try {
        await client.call('EVALSHA', appendScriptSha, ...args).catch((error: unknown) => {
          if (!isNoScript(error)) throw error;
          return client.call('EVAL', appendScript, ...args);
        });
        return;
      } catch (error) {
        if (!this.#connection.follow(error)) throw error;
        if (redirects >= maxRedirects) throw new Error('CLUSTERDOWN the nodes send each other the slot of these keys');
      }
    }
  }

  /** Carries no `cause`: errors of the library hold the arguments of their command, passwords and records included. */
  #failure(error: unknown, written: number): SinkError {
    const { kind, code, message, reconnect } = troubleOf(error);
    const where = this.#connection.where;
    if (reconnect) this.#connection.turnAway();
    return new SinkError({ kind, code, message: `Redis at ${where}: ${message}`, written });
  }
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

function emptied(keys: Iterable<string>): ReadonlyMap<string, Buffer> {
  return new Map(Array.from(keys, (key) => [key, nothing]));
}
