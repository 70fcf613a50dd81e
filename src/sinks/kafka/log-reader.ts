import { setTimeout as sleep } from 'node:timers/promises';
import { SinkError } from '../../core/errors.ts';
import type { Client, ClientFactory } from './client.ts';
import { inTime } from './deadline.ts';
import { judge, sinkErrorOf } from './errors.ts';
import type { LogRecord, Slice } from './fetch.ts';
import { fetchRequest } from './fetch.ts';
import type { Cluster } from './inside.ts';
import { clusterOf, protocolError } from './inside.ts';

export interface LogReaderOptions {
  readonly topic: string;
  /** How long one answer may take, and how long reading may stand still, ms. */
  readonly patience: number;
}

/** Where reading to the end ends: what is decided by now (`stable`), or all that is there by now, once it is decided. */
export type End = 'stable' | 'high';

/** Asked again with fresh metadata, so many times. */
const passing = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_LEADER_EPOCH',
  'FENCED_LEADER_EPOCH',
]);
const maxTries = 20;

type Take = (record: LogRecord) => void;

const maxFetchBytes = 8_388_608;
/** How long the broker waits for something new when there was nothing, ms. */
const idleWait = 100;

/**
 * Reads a compacted topic from its beginning, committed records only, all partitions, without a consumer group: nothing
 * is left behind at the brokers after a kill, no rebalance (3 s with a broker's defaults) delays a start, and no right on
 * groups is needed. kafkajs's own consumer cannot do it either: it stops for ever at a stretch of the log that compaction
 * has emptied, and tells neither where aborted transactions end nor where the log does.
 */
export class LogReader {
  readonly #client: Client;
  readonly #cluster: Cluster;
  readonly #options: LogReaderOptions;
  /** By partition: where to read next. */
  readonly #next = new Map<number, bigint>();
  #isIdle = false;

  private constructor(client: Client, options: LogReaderOptions) {
    this.#client = client;
    this.#cluster = clusterOf(client.kafka);
    this.#options = options;
  }

  /** Throws a `SinkError`. */
  static async open(factory: ClientFactory, options: LogReaderOptions): Promise<LogReader> {
    const reader = new LogReader(await factory.make(), options);
    try {
      await reader.#insist(() => reader.#begin());
      return reader;
    } catch (error) {
      reader.close();
      if (judge(error).identity) factory.forgetCredentials();
      throw error;
    }
  }

  get partitions(): number {
    return this.#next.size;
  }

  async readToEnd(end: End, take: Take): Promise<void> {
    const first = await this.#step(take);
    const ends = first.map((slice) => [slice.partition, slice[end]] as const);
    await this.readUntil(() => ends.every(([partition, offset]) => (this.#next.get(partition) ?? 0n) >= offset), take);
  }

  async readUntil(isDone: () => boolean, take: Take): Promise<void> {
    let since = Date.now();
    while (!isDone()) {
      await this.#step(take);
      if (!this.#isIdle) since = Date.now();
      else if (Date.now() - since > this.#options.patience) throw this.#stuck();
    }
  }

  /** Ends the connections at once. */
  close(): void {
    this.#client.sockets.cut();
    this.#cluster.disconnect().catch(() => {});
  }

  async #begin(): Promise<void> {
    const { topic } = this.#options;
    await this.#cluster.connect();
    await this.#cluster.addTargetTopic(topic);
    const partitions = this.#cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
    const wanted = { topic, fromBeginning: true, partitions: partitions.map((partition) => ({ partition })) };
    const offsets = await this.#cluster.fetchTopicsOffset([wanted]);
    for (const { partition, offset } of offsets.flatMap((one) => one.partitions)) {
      this.#next.set(partition, BigInt(offset));
    }
    if (partitions.length > 0 && partitions.every((partition) => this.#next.has(partition))) return;
    const message = `not all partitions of topic "${topic}" can be read yet`;
    throw new SinkError({ kind: 'transient', code: 'LEADER_NOT_AVAILABLE', message });
  }

  async #step(take: Take): Promise<readonly Slice[]> {
    const slices = await this.#insist(() => this.#fetch());
    this.#isIdle = true;
    for (const slice of slices) {
      for (const record of slice.records) if (record.offset >= (this.#next.get(slice.partition) ?? 0n)) take(record);
      if (slice.next === null) continue;
      this.#next.set(slice.partition, slice.next);
      this.#isIdle = false;
    }
    return slices;
  }

  async #fetch(): Promise<readonly Slice[]> {
    const { topic } = this.#options;
    const maxWait = this.#isIdle ? idleWait : 0;
    const byLeader = this.#cluster.findLeaderForPartitions(topic, [...this.#next.keys()]);
    const answers = Object.entries(byLeader).map(async ([nodeId, partitions]) => {
      const { connectionPool } = await this.#cluster.findBroker({ nodeId });
      const wanted = partitions.map((partition) => ({ partition, fetchOffset: String(this.#next.get(partition)) }));
      const answer = connectionPool.send(fetchRequest({ topic, partitions: wanted, maxWait, maxBytes: maxFetchBytes }));
      return (await answer) as readonly Slice[];
    });
    const slices = (await Promise.all(answers)).flat();
    const failed = slices.find(({ errorCode }) => errorCode !== 0);
    if (failed !== undefined) throw protocolError(failed.errorCode);
    return slices;
  }

  /** A new topic, or one whose leader has just moved, takes a moment. */
  async #insist<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await inTime(work(), this.#options.patience, this.#about);
      } catch (error) {
        const verdict = judge(error);
        if (!passing.has(verdict.code) || tries === maxTries) {
          throw error instanceof SinkError ? error : sinkErrorOf(verdict, this.#about);
        }
      }
      await sleep(50);
      await this.#cluster.refreshMetadata().catch(() => {});
    }
  }

  get #about(): string {
    return `reading topic "${this.#options.topic}"`;
  }

  #stuck(): SinkError {
    const { topic, patience } = this.#options;
    const message = `topic "${topic}" shows nothing new for ${patience} ms although there is more: a transaction of some producer is open; the broker ends it after its timeout`;
    return new SinkError({ kind: 'transient', code: 'TRANSACTION_OPEN', message });
  }
}
