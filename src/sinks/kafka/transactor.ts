import { SinkError } from '../../core/errors.ts';
import type { Part } from './chunks.ts';
import type { Client, ClientFactory } from './client.ts';
import { transactionRetry } from './client.ts';
import { Confirmations } from './confirmations.ts';
import { inTime } from './deadline.ts';
import type { Sendable } from './entries.ts';
import type { OpenTransaction, RecordProducer } from './record-producer.ts';

export interface TransactorOptions {
  readonly transactionalId: string;
  /** After which the brokers abort a transaction, ms. */
  readonly timeout: number;
  /** The codec's number in the protocol. */
  readonly compression: number;
  /** How long one call may take, ms. */
  readonly patience: number;
  readonly requestTimeout: number;
}

/** Sends within the transaction; resolves when the brokers have confirmed every part. */
export type Send = (parts: readonly Part<Sendable>[], compression?: number) => Promise<void>;

/**
 * One transactional producer, one transaction at a time. The first transaction takes the transactional id: whoever had it
 * can commit no more, and what it left open is aborted.
 *
 * After any error of `run` it is spent and its connections are cut: it takes sequence numbers back that the broker
 * may have used, and whether a commit without an answer took effect, only the topic can tell.
 */
export class Transactor {
  readonly #client: Client;
  readonly #producer: RecordProducer;
  readonly #options: TransactorOptions;
  readonly #confirmations = new Confirmations();
  #isBusy = false;

  private constructor(client: Client, producer: RecordProducer, options: TransactorOptions) {
    this.#client = client;
    this.#producer = producer;
    this.#options = options;
  }

  static async open(factory: ClientFactory, options: TransactorOptions): Promise<Transactor> {
    const client = await factory.make(true);
    const { transactionalId, timeout: transactionTimeout, requestTimeout } = options;
    const identity = { idempotent: true, transactionalId, transactionTimeout };
    const producer = client.producer({ ...identity, requestTimeout, retry: transactionRetry });
    const transactor = new Transactor(client, producer, options);
    try {
      await inTime(producer.connect(), options.patience, 'connecting to Kafka');
      return transactor;
    } catch (error) {
      transactor.drop();
      throw error;
    }
  }

  /** One transaction around `work`: all it has sent becomes visible at once, or nothing. */
  async run<T>(work: (send: Send) => Promise<T>): Promise<T> {
    this.#isBusy = true;
    try {
      const transaction = await this.#inTime(this.#producer.transaction(), 'beginning a transaction');
      const result = await work((parts, compression) => this.#send(transaction, parts, compression));
      await this.#inTime(transaction.commit(), 'committing a transaction');
      return result;
    } catch (error) {
      this.drop();
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Ends the connections at once; nothing that was under way is sent again. */
  drop(): void {
    this.#client.sockets.cut();
    this.#producer.disconnect().catch(() => {});
  }

  async close(): Promise<void> {
    const quick = Math.min(this.#options.patience, 1_000);
    if (!this.#isBusy) await inTime(this.#producer.disconnect(), quick, 'disconnecting').catch(() => {});
    this.drop();
  }

  async #send(
    transaction: OpenTransaction,
    parts: readonly Part<Sendable>[],
    compression = this.#options.compression,
  ): Promise<void> {
    if (parts.length === 0) return;
    const results = await this.#inTime(transaction.send(parts, compression), 'waiting for Kafka to confirm records');
    const confirmed = this.#confirmations.confirmed(parts, results);
    const missing = parts.find((part) => !confirmed.includes(part));
    if (missing === undefined) return;
    const message = `the brokers did not confirm partition ${missing.partition} of ${missing.topic}; its leader moved, or the topic has changed`;
    throw new SinkError({ kind: 'transient', code: 'PARTITION_GONE', message });
  }

  #inTime<T>(work: Promise<T>, what: string): Promise<T> {
    return inTime(work, this.#options.patience, what);
  }
}
