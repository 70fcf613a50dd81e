import type { CompressionTypes, Message, Producer, RecordMetadata } from 'kafkajs';
import { SinkError } from '../../core/errors.ts';
import type { Part } from './chunks.ts';
import type { Client, ClientFactory } from './client.ts';
import { retry } from './client.ts';
import { inTime, Overdue } from './deadline.ts';

export interface ChannelOptions {
  readonly idempotent: boolean;
  /** The codec's number in the protocol. */
  readonly compression: CompressionTypes;
  /** How long one call here waits, ms; what is under way then goes on and the next call waits for it again. */
  readonly patience: number;
  readonly requestTimeout: number;
}

/** How many times its patience a send may take before the producer counts as broken. */
const hopeless = 6;

/** A producer that confirmed something else than what was sent: whatever it says is worthless from then on. */
export class FalseConfirmation extends Error {
  override readonly name = 'FalseConfirmation';
}

interface Running {
  readonly parts: readonly Part[];
  readonly work: Promise<RecordMetadata[]>;
  readonly since: number;
}

/**
 * One kafkajs producer, one send at a time.
 *
 * An idempotent producer numbers its record batches; kafkajs takes the number back when a send fails although the broker
 * may have appended it. So after a failed `send` the next one must bring the same parts, each unchanged (the broker
 * then recognises what it has), or the channel must be dropped: other records under a used number would be confirmed
 * and thrown away.
 */
export class Channel {
  readonly #client: Client;
  readonly #producer: Producer;
  readonly #options: ChannelOptions;
  /** By topic and partition: the lowest offset that the next record can get. */
  readonly #next = new Map<string, bigint>();
  #running: Running | null = null;

  private constructor(client: Client, producer: Producer, options: ChannelOptions) {
    this.#client = client;
    this.#producer = producer;
    this.#options = options;
  }

  static async open(factory: ClientFactory, options: ChannelOptions): Promise<Channel> {
    const client = await factory.make();
    const producer = client.kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: options.idempotent,
      maxInFlightRequests: 1,
      retry: { ...retry },
      createPartitioner: () => explicitPartition,
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
  async send(parts: readonly Part[]): Promise<readonly Part[]> {
    this.#running ??= { parts, work: this.#start(parts), since: Date.now() };
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
    return parts.filter((part) => this.#isConfirmed(part, results));
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

  #start(parts: readonly Part[]): Promise<RecordMetadata[]> {
    const byTopic = new Map<string, Message[]>();
    for (const { topic, partition, entries } of parts) {
      const messages = byTopic.get(topic) ?? [];
      byTopic.set(topic, messages);
      for (const { key, value, batch } of entries) {
        messages.push({ key, value, partition, timestamp: String(batch.receivedAt) });
      }
    }
    const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }));
    const { compression, requestTimeout } = this.#options;
    return this.#producer.sendBatch({ acks: -1, timeout: requestTimeout, compression, topicMessages });
  }

  /** kafkajs resolves although a partition was left out (its leader moved, it does not exist): so every answer counts. */
  #isConfirmed({ topic, partition, entries }: Part, results: readonly RecordMetadata[]): boolean {
    const result = results.find((one) => one.topicName === topic && one.partition === partition);
    if (result === undefined || result.errorCode !== 0) return false;
    const name = `${topic}/${partition}`;
    const offset = BigInt(result.baseOffset ?? -1);
    const least = this.#next.get(name) ?? 0n;
    if (offset < least) {
      throw new FalseConfirmation(
        `Kafka confirmed offset ${offset} of ${topic} partition ${partition} where at least ${least} was due: it took the records for older ones, or the topic was made anew`,
      );
    }
    this.#next.set(name, offset + BigInt(entries.length));
    return true;
  }
}

function explicitPartition({ message }: { message: Message }): number {
  if (message.partition === undefined)
    throw new SinkError({ kind: 'transient', code: 'CLIENT_ERROR', message: 'no partition' });
  return message.partition;
}
