import type { RecordMetadata } from 'kafkajs';
import type { Part } from './chunks.ts';
import type { Client, ClientFactory } from './client.ts';
import { retry } from './client.ts';
import { Confirmations, FalseConfirmation } from './confirmations.ts';
import { inTime, Overdue } from './deadline.ts';
import type { Sendable } from './entries.ts';
import type { RecordProducer } from './record-producer.ts';

export interface ChannelOptions {
  readonly idempotent: boolean;
  /** The codec's number in the protocol. */
  readonly compression: number;
  /** How long one call here waits, ms; what is under way then goes on and the next call waits for it again. */
  readonly patience: number;
  readonly requestTimeout: number;
}

/** How many times its patience a send may take before the producer counts as broken. */
const hopeless = 6;

interface Running {
  readonly parts: readonly Part<Sendable>[];
  readonly work: Promise<readonly RecordMetadata[]>;
  readonly since: number;
}

/**
 * One producer, one send at a time.
 *
 * An idempotent producer numbers its record batches, and takes the number back when a send fails although the broker may
 * have appended it. So after a failed `send` the next one must bring the same parts, each unchanged (the broker
 * then recognises what it has), or the channel must be dropped: other records under a used number would be confirmed
 * and thrown away.
 */
export class Channel {
  readonly #client: Client;
  readonly #producer: RecordProducer;
  readonly #options: ChannelOptions;
  readonly #confirmations = new Confirmations();
  #running: Running | null = null;

  private constructor(client: Client, producer: RecordProducer, options: ChannelOptions) {
    this.#client = client;
    this.#producer = producer;
    this.#options = options;
  }

  static async open(factory: ClientFactory, options: ChannelOptions): Promise<Channel> {
    const client = await factory.make();
    const { idempotent, requestTimeout } = options;
    const producer = client.producer({
      idempotent,
      requestTimeout,
      transactionalId: null,
      transactionTimeout: 0,
      retry,
    });
    const channel = new Channel(client, producer, options);
    try {
      await inTime(producer.connect(), options.patience, 'connecting to Kafka');
      return channel;
    } catch (error) {
      channel.drop();
      throw error;
    }
  }

  /** Sends the parts together and returns those that the brokers have confirmed. */
  async send<E extends Sendable>(parts: readonly Part<E>[]): Promise<readonly Part<E>[]> {
    this.#running ??= { parts, work: this.#producer.send(parts, this.#options.compression), since: Date.now() };
    const running = this.#running;
    if (running.parts !== parts) throw new FalseConfirmation('another send is still under way');
    let results: readonly RecordMetadata[];
    try {
      results = await inTime(running.work, this.#options.patience, 'waiting for Kafka to confirm records');
    } catch (error) {
      if (!(error instanceof Overdue)) this.#running = null;
      else if (Date.now() - running.since > hopeless * this.#options.patience) throw new Error(error.message);
      throw error;
    }
    this.#running = null;
    return this.#confirmations.confirmed(parts, results);
  }

  /** Ends the connections at once. A send under way fails, and nothing of it is sent again. */
  drop(): void {
    this.#client.sockets.cut();
    this.#producer.disconnect().catch(() => {});
  }

  async close(): Promise<void> {
    const quick = Math.min(this.#options.patience, 1_000);
    if (this.#running === null) await inTime(this.#producer.disconnect(), quick, 'disconnecting').catch(() => {});
    this.drop();
  }
}
