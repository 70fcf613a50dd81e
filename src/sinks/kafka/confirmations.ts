import type { Message, RecordMetadata } from 'kafkajs';
import { SinkError } from '../../core/errors.ts';
import type { Part } from './chunks.ts';
import { recordsIn } from './chunks.ts';
import type { Sendable } from './entries.ts';
import { nthValue } from './entries.ts';

/** A producer that confirmed something else than what was sent: whatever it says is worthless from then on. */
export class FalseConfirmation extends Error {
  override readonly name = 'FalseConfirmation';
}

/** Believes a producer only what it can: kafkajs resolves although data is missing. One for each producer. */
export class Confirmations {
  /** By topic and partition: the lowest offset that the next record can get. */
  readonly #next = new Map<string, bigint>();

  /** The parts that the answer confirms: kafkajs leaves partitions out (their leader moved, they do not exist). */
  confirmed<E extends Sendable>(parts: readonly Part<E>[], results: readonly RecordMetadata[]): readonly Part<E>[] {
    return parts.filter((part) => this.#isConfirmed(part, results));
  }

  #isConfirmed(part: Part<Sendable>, results: readonly RecordMetadata[]): boolean {
    const { topic, partition } = part;
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
    this.#next.set(name, offset + BigInt(recordsIn(part)));
    return true;
  }
}

/** The parts as kafkajs takes them, all in one send. */
export function topicMessagesOf(parts: readonly Part<Sendable>[]): { topic: string; messages: Message[] }[] {
  const byTopic = new Map<string, Message[]>();
  for (const { topic, partition, entries } of parts) {
    const messages = byTopic.get(topic) ?? [];
    byTopic.set(topic, messages);
    for (const entry of entries) {
      const { key, batch, count } = entry;
      const timestamp = String(batch.receivedAt);
      for (let index = 0; index < count; index += 1)
        messages.push({ key, value: nthValue(entry, index), partition, timestamp });
    }
  }
  return [...byTopic].map(([topic, messages]) => ({ topic, messages }));
}

/** For `createPartitioner`: every message says its partition. */
export function explicitPartition({ message }: { message: Message }): number {
  if (message.partition === undefined)
    throw new SinkError({ kind: 'transient', code: 'CLIENT_ERROR', message: 'no partition' });
  return message.partition;
}
