import { setTimeout as sleep } from 'node:timers/promises';
import { SinkError } from '../../core/errors.ts';
import type { Client, ClientFactory } from './client.ts';
import { inTime } from './deadline.ts';
import type { Verdict } from './errors.ts';
import { judge, sinkErrorOf } from './errors.ts';
import type { LogRecord, Slice } from './fetch.ts';
import { fetchRequest } from './fetch.ts';
import type { Cluster } from './inside.ts';
import { clusterOf, protocolError } from './inside.ts';

export interface LogReaderOptions {
  readonly topic: string;
  /** How long one answer may take, and how long reading may stand still, ms. */
  readonly patience: number;
  /** `end`: only what is decided from now on. */
  readonly from?: 'start' | 'end';
}

/** Some records in the order of each partition, and how far that is, counted in offsets. */
export interface ChunkOfLog {
  readonly records: readonly LogRecord[];
  readonly done: number;
  readonly total: number;
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

const outOfRange = 1;
const maxFetchBytes = 8_388_608;
/** How long the broker waits for something new when there was nothing, ms. */
const idleWait = 100;

/**
 * Reads a topic from its beginning or end, committed records only, all partitions, without a consumer group: nothing
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

  /** The same for whoever takes records at his own pace; `null`: for ever. */
  async *chunks(end: End | null): AsyncGenerator<ChunkOfLog> {
    let records: LogRecord[] = [];
    const take: Take = (record) => records.push(record);
    const start = this.#position;
    const first = await this.#step(take);
    const ends = new Map(end === null ? [] : first.map((slice) => [slice.partition, slice[end]] as const));
    const total = Number([...ends.values()].reduce((sum, offset) => sum + offset, -start));
    for (let since = Date.now(); ; ) {
      const isThere = ({ partition, offset }: LogRecord) => end === null || offset < (ends.get(partition) ?? 0n);
      yield { records: records.filter(isThere), done: Number(this.#position - start), total };
      records = [];
      const isDone = [...ends].every(([partition, offset]) => (this.#next.get(partition) ?? 0n) >= offset);
      if (end !== null && isDone) return;
      await this.#step(take);
      if (!this.#isIdle || end === null) since = Date.now();
      else if (Date.now() - since > this.#options.patience) throw this.#stuck();
    }
  }

  get #position(): bigint {
    return [...this.#next.values()].reduce((sum, offset) => sum + offset, 0n);
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
    const offsets = await this.#offsets(partitions, this.#options.from !== 'end');
    for (const [partition, offset] of offsets) this.#next.set(partition, offset);
    if (partitions.length > 0 && partitions.every((partition) => this.#next.has(partition))) return;
    const message = `not all partitions of topic "${topic}" can be read yet`;
    throw new SinkError({ kind: 'transient', code: 'LEADER_NOT_AVAILABLE', message });
  }

  async #offsets(partitions: readonly number[], fromBeginning: boolean): Promise<ReadonlyMap<number, bigint>> {
    const { topic } = this.#options;
    const wanted = { topic, fromBeginning, partitions: partitions.map((partition) => ({ partition })) };
    const offsets = await this.#cluster.fetchTopicsOffset([wanted]);
    return new Map(
      offsets.flatMap((one) => one.partitions.map((each) => [each.partition, BigInt(each.offset)] as const)),
    );
  }

  /** Retention has deleted what was to be read next. False where that is not so. */
  async #skipDeleted(partitions: readonly number[]): Promise<boolean> {
    let hasMoved = false;
    for (const [partition, begin] of await this.#offsets(partitions, true)) {
      if (begin <= (this.#next.get(partition) ?? 0n)) continue;
      this.#next.set(partition, begin);
      hasMoved = true;
    }
    return hasMoved;
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
    if (failed === undefined) return slices;
    if (failed.errorCode === outOfRange && (await this.#skipDeleted([failed.partition]))) return this.#fetch();
    throw protocolError(failed.errorCode);
  }

  /** A new topic, or one whose leader has just moved, takes a moment. */
  async #insist<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await inTime(work(), this.#options.patience, this.#about);
      } catch (error) {
        const verdict = judge(error);
        if (!passing.has(verdict.code) || tries === maxTries) {
          throw error instanceof SinkError ? error : this.#failure(verdict);
        }
      }
      await sleep(50);
      await this.#cluster.refreshMetadata().catch(() => {});
    }
  }

  get #about(): string {
    return `reading topic "${this.#options.topic}"`;
  }

  /** The remedy of writing would be the wrong one for a missing right. */
  #failure(verdict: Verdict): SinkError {
    const { code, cause } = verdict;
    if (code !== 'TOPIC_AUTHORIZATION_FAILED') return sinkErrorOf(verdict, this.#about);
    const message = `${this.#about}: not authorized; grant the principal Read on it`;
    return new SinkError({ kind: 'destination', code, message, cause });
  }

  #stuck(): SinkError {
    const { topic, patience } = this.#options;
    const message = `topic "${topic}" shows nothing new for ${patience} ms although there is more: a transaction of some producer is open; the broker ends it after its timeout`;
    return new SinkError({ kind: 'transient', code: 'TRANSACTION_OPEN', message });
  }
}
