import type { Kafka, Producer } from 'kafkajs';
import { explicitPartition, topicMessagesOf } from './confirmations.ts';
import type { OpenTransaction, RecordProducer, RecordProducerOptions, SendParts } from './record-producer.ts';

/** kafkajs's own producer, as everybody can use it. */
export class KafkajsProducer implements RecordProducer {
  readonly #producer: Producer;
  readonly #requestTimeout: number;

  constructor(kafka: Kafka, options: RecordProducerOptions) {
    const { idempotent, transactionalId, transactionTimeout, requestTimeout, retry } = options;
    this.#requestTimeout = requestTimeout;
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      idempotent,
      ...(transactionalId !== null && { transactionalId, transactionTimeout }),
      maxInFlightRequests: 1,
      retry: { ...retry },
      createPartitioner: () => explicitPartition,
    });
  }

  connect(): Promise<void> {
    return this.#producer.connect();
  }

  readonly send: SendParts = (parts, compression) =>
    this.#producer.sendBatch({
      ...{ acks: -1, timeout: this.#requestTimeout, compression },
      topicMessages: topicMessagesOf(parts),
    });

  /** `connect` alone does not take the id: kafkajs then asks for another. */
  async transaction(): Promise<OpenTransaction> {
    const transaction = await this.#producer.transaction();
    const timeout = this.#requestTimeout;
    return {
      // Never `producer.send`: kafkajs would send outside the transaction and not say so.
      send: (parts, compression) =>
        transaction.sendBatch({ acks: -1, timeout, compression, topicMessages: topicMessagesOf(parts) }),
      commit: () => transaction.commit(),
    };
  }

  disconnect(): Promise<void> {
    return this.#producer.disconnect();
  }
}
