import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka, RecordMetadata } from 'kafkajs';
import { ReusedMemory } from '../../core/reused-memory.ts';
import type { Part } from './chunks.ts';
import { recordsIn } from './chunks.ts';
import type { Codec } from './compression.ts';
import type { Sendable } from './entries.ts';
import type { Broker, Cluster, ProducerIdentity } from './inside.ts';
import { clusterOf, isPassing, produce, protocolError, transactionCoordinator } from './inside.ts';
import type { PartitionBatch } from './produce-request.ts';
import { produceBody } from './produce-request.ts';
import { anonymous, encodeRecordBatch } from './record-batch.ts';
import type { OpenTransaction, RecordProducer, RecordProducerOptions } from './record-producer.ts';

/** Record batches that one send has, usually; those of further partitions get new memory. */
const maxPieces = 16;
/** Where an int32 sequence begins again (Kafka's `DefaultRecordBatch.incrementSequence`). */
const sequences = 2 ** 31;

/**
 * Encodes record batches itself, straight from ready bytes, and numbers them (KIP-98); kafkajs has the metadata, the
 * connections and the coordinators. One request per broker and partition is in flight. What is sent again has the same
 * bytes: the broker then answers for those that it has.
 */
export class DirectProducer implements RecordProducer {
  readonly #cluster: Cluster;
  readonly #options: RecordProducerOptions;
  readonly #codec: Codec;
  readonly #memory = new ReusedMemory(maxPieces);
  /** Null: not idempotent, or not initialised. */
  #identity: ProducerIdentity | null = null;
  /** By topic and partition: number of the next record. */
  #sequences = new Map<string, number>();
  /** Topics and partitions that the open transaction has told its coordinator of. */
  #enlisted: Set<string> | null = null;
  /** The coordinator, until something fails. */
  #found: Broker | null = null;

  constructor(kafka: Kafka, options: RecordProducerOptions, codec: Codec) {
    this.#cluster = clusterOf(kafka);
    this.#options = options;
    this.#codec = codec;
  }

  async connect(): Promise<void> {
    await this.#cluster.connect();
    const { idempotent, transactionalId } = this.#options;
    if (idempotent && transactionalId === null) await this.#initialise();
  }

  async transaction(): Promise<OpenTransaction> {
    if (this.#identity === null) await this.#initialise();
    this.#enlisted = new Set();
    return { send: this.send, commit: () => this.#commit() };
  }

  readonly send = async (parts: readonly Part<Sendable>[], codec: number): Promise<readonly RecordMetadata[]> => {
    const batches = await Promise.all(parts.map((part) => this.#encode(part, codec)));
    await this.#cluster.addMultipleTargetTopics([...new Set(parts.map(({ topic }) => topic))]);
    let attempts = 0;
    const results = await this.#insist(() => {
      attempts += 1;
      return this.#deliver(batches);
    });
    for (const part of parts) {
      const name = nameOf(part);
      // Where there was no leader nothing was sent: these numbers are still to come.
      if (!results.some(({ topicName, partition }) => nameOf({ topic: topicName, partition }) === name)) continue;
      this.#sequences.set(name, ((this.#sequences.get(name) ?? 0) + recordsIn(part)) % sequences);
    }
    // What an attempt without an answer has sent may be under way still.
    if (attempts === 1) for (const { bytes } of batches) this.#memory.give(bytes);
    return results;
  };

  disconnect(): Promise<void> {
    return this.#cluster.disconnect();
  }

  async #initialise(): Promise<void> {
    const { transactionalId, transactionTimeout } = this.#options;
    const wanted = transactionalId === null ? {} : { transactionalId, transactionTimeout };
    this.#identity = await this.#insist(async () => {
      await this.#cluster.refreshMetadataIfNecessary();
      const broker = await (transactionalId === null ? this.#cluster.findControllerBroker() : this.#coordinator());
      return broker.initProducerId(wanted);
    });
    this.#sequences = new Map();
  }

  async #encode({ topic, partition, entries }: Part<Sendable>, number: number): Promise<PartitionBatch> {
    const identity = this.#identity;
    const producer =
      identity === null
        ? anonymous
        : {
            producerId: BigInt(identity.producerId),
            producerEpoch: identity.producerEpoch,
            baseSequence: this.#sequences.get(nameOf({ topic, partition })) ?? 0,
          };
    const compress = number === this.#codec.number ? this.#codec.compress : null;
    const isTransactional = this.#enlisted !== null;
    const memory = this.#memory;
    const bytes = await encodeRecordBatch(entries, { ...producer, isTransactional, codec: number, compress, memory });
    return { topic, partition, bytes };
  }

  /** A partition without a leader is left out, as kafkajs does it. */
  async #deliver(batches: readonly PartitionBatch[]): Promise<readonly RecordMetadata[]> {
    await this.#cluster.refreshMetadataIfNecessary();
    await this.#enlist(batches);
    const answers = await Promise.all(
      [...this.#byLeader(batches)].map(async ([nodeId, some]) =>
        this.#request(await this.#cluster.findBroker({ nodeId }), some),
      ),
    );
    const results = answers.flat();
    const refused = results.find(({ errorCode }) => errorCode !== 0);
    if (refused !== undefined) throw protocolError(refused.errorCode);
    return results;
  }

  #byLeader(batches: readonly PartitionBatch[]): ReadonlyMap<string, readonly PartitionBatch[]> {
    const byLeader = new Map<string, PartitionBatch[]>();
    for (const batch of batches) {
      const [leader] = Object.keys(this.#cluster.findLeaderForPartitions(batch.topic, [batch.partition]));
      if (leader === undefined) continue;
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch]);
    }
    return byLeader;
  }

  async #request(broker: Broker, batches: readonly PartitionBatch[]): Promise<readonly RecordMetadata[]> {
    const { transactionalId, requestTimeout: timeout } = this.#options;
    try {
      return await produce(broker, produceBody(batches, { transactionalId, timeout }));
    } catch (error) {
      // As kafkajs does it: the next request then opens a new connection.
      if ((error as Error).name === 'KafkaJSConnectionClosedError') await broker.disconnect();
      throw error;
    }
  }

  /** Tells the coordinator which partitions the transaction touches, before their first records (KIP-98). */
  async #enlist(batches: readonly PartitionBatch[]): Promise<void> {
    const { transactionalId } = this.#options;
    const enlisted = this.#enlisted;
    if (enlisted === null || transactionalId === null || this.#identity === null) return;
    const fresh = batches.filter((batch) => !enlisted.has(nameOf(batch)));
    if (fresh.length === 0) return;
    const topics = [...new Set(fresh.map(({ topic }) => topic))].map((topic) => ({
      topic,
      partitions: fresh.filter((batch) => batch.topic === topic).map(({ partition }) => partition),
    }));
    const coordinator = await this.#coordinator();
    await coordinator.addPartitionsToTxn({ ...this.#identity, transactionalId, topics });
    for (const batch of fresh) enlisted.add(nameOf(batch));
  }

  /** Never tried again: whether a commit without an answer took effect, only the topic can tell. */
  async #commit(): Promise<void> {
    const { transactionalId } = this.#options;
    const isEmpty = this.#enlisted === null || this.#enlisted.size === 0;
    if (!isEmpty && transactionalId !== null && this.#identity !== null) {
      const coordinator = await this.#coordinator();
      await coordinator.endTxn({ ...this.#identity, transactionalId, transactionResult: true });
    }
    this.#enlisted = null;
  }

  async #coordinator(): Promise<Broker> {
    const groupId = this.#options.transactionalId ?? '';
    this.#found ??= await this.#cluster.findGroupCoordinator({ groupId, coordinatorType: transactionCoordinator });
    return this.#found;
  }

  /** Bridges a change of leaders, and the end of the transaction before. */
  async #insist<T>(work: () => Promise<T>): Promise<T> {
    const { initialRetryTime, multiplier, maxRetryTime, retries } = this.#options.retry;
    let pause = initialRetryTime;
    for (let tries = 0; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error) || tries === retries) throw error;
      }
      this.#found = null;
      await sleep(pause);
      pause = Math.min(pause * multiplier, maxRetryTime);
      if (!this.#cluster.isConnected()) await this.#cluster.connect().catch(() => {});
      await this.#cluster.refreshMetadata().catch(() => {});
    }
  }
}

function nameOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`;
}
