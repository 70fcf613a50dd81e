import type { RecordMetadata } from 'kafkajs';
import type { Part } from './chunks.ts';
import type { Sendable } from './entries.ts';

/** Sends parts, each as one record batch; the brokers' answers, of which some may be lacking. */
export type SendParts = (parts: readonly Part<Sendable>[], codec: number) => Promise<readonly RecordMetadata[]>;

/** All that is sent within it becomes visible at once with `commit`, or nothing. */
export interface OpenTransaction {
  readonly send: SendParts;
  commit(): Promise<void>;
}

/**
 * A producer of record batches, acks=all. Calls never overlap. After a failed `send` the next one must bring the same
 * parts, each unchanged, or the producer must be given up: the broker would take others for those it may have appended.
 */
export interface RecordProducer {
  connect(): Promise<void>;
  readonly send: SendParts;
  /** The first one takes the transactional id: whoever had it can commit no more, what it left open is aborted. */
  transaction(): Promise<OpenTransaction>;
  disconnect(): Promise<void>;
}

export interface RecordProducerOptions {
  readonly idempotent: boolean;
  /** Null: no transactions. */
  readonly transactionalId: string | null;
  /** After which the brokers abort a transaction, ms. */
  readonly transactionTimeout: number;
  /** How long the brokers may take to confirm, ms. */
  readonly requestTimeout: number;
  readonly retry: Retry;
}

/** As kafkajs names them; times in ms. */
export interface Retry {
  readonly initialRetryTime: number;
  readonly multiplier: number;
  readonly maxRetryTime: number;
  readonly retries: number;
}
