import type { Checkpoint, Position } from '../../core/checkpoint.ts';
import { checkpointText, comparePositions, parseCheckpoint } from '../../core/checkpoint.ts';
import type { Part } from './chunks.ts';
import type { Sendable } from './entries.ts';
import { single, sizeOf } from './entries.ts';
import type { LogRecord } from './fetch.ts';
import { partitionOf } from './partition.ts';

/** A bridge that has taken a name, as its record says. */
export interface Owner {
  /** Random; one per sink. */
  readonly instance: string;
  /** Milliseconds since 1970. */
  readonly started: number;
}

export interface LeaseValue {
  readonly owner: string;
  /** By the owner's clock; only for people. */
  readonly at: number;
  readonly ttl: number;
  readonly released: boolean;
}

/** One take-over of the name, as it stands in one partition. */
export interface Claim {
  readonly partition: number;
  readonly offset: bigint;
  readonly owner: Owner;
  /** The same in all partitions. */
  readonly nonce: string;
}

/** Records for the checkpoint topic; bridges of other names have theirs in it, too. */
export class CheckpointRecords {
  readonly #topic: string;
  readonly #bridge: string;

  constructor(topic: string, bridge: string) {
    this.#topic = topic;
    this.#bridge = bridge;
  }

  /** In as many sends as their size needs. */
  *checkpoints(checkpoints: ReadonlyMap<string, Checkpoint>, partitions: number): Generator<Part<Sendable>[]> {
    let byPartition = new Map<number, Sendable[]>();
    let bytes = 0;
    for (const [stream, checkpoint] of checkpoints) {
      const record = recordOf(`${this.#bridge}/${stream}`, checkpointText(checkpoint));
      const partition = partitionOf(record.key, partitions);
      const entries = byPartition.get(partition) ?? [];
      byPartition.set(partition, entries);
      entries.push(record);
      bytes += sizeOf(record);
      if (bytes < maxSendBytes) continue;
      yield this.#partsOf(byPartition);
      byPartition = new Map();
      bytes = 0;
    }
    if (byPartition.size > 0) yield this.#partsOf(byPartition);
  }

  #partsOf(byPartition: ReadonlyMap<number, readonly Sendable[]>): Part<Sendable>[] {
    return [...byPartition].map(([partition, entries]) => ({ topic: this.#topic, partition, entries }));
  }

  /** Puts a checkpoint, earlier ones too, in the place of whatever any partition says of the stream; null removes it. */
  replacement(stream: string, checkpoint: Checkpoint | null, partitions: number): Part<Sendable>[] {
    const key = `${this.#bridge}/${stream}`;
    const own = partitionOf(Buffer.from(key), partitions);
    return Array.from({ length: partitions }, (_, partition) => {
      const text = checkpoint !== null && partition === own ? checkpointText(checkpoint) : '';
      return { topic: this.#topic, partition, entries: [recordOf(key, text)] };
    });
  }

  /** One in every partition: what stands before it there was written by predecessors. */
  claim(owner: Owner, nonce: string, partitions: number): Part<Sendable>[] {
    const record = recordOf(this.#bridge, JSON.stringify({ ...owner, nonce }));
    return Array.from({ length: partitions }, (_, partition) => ({ topic: this.#topic, partition, entries: [record] }));
  }

  lease(value: LeaseValue, partitions: number): Part<Sendable>[] {
    const record = recordOf(`${this.#bridge}:lease`, JSON.stringify(value));
    return [{ topic: this.#topic, partition: partitionOf(record.key, partitions), entries: [record] }];
  }
}

const maxSendBytes = 262_144;

/** What the checkpoint topic says of one bridge's name, as far as it was read. */
export class CheckpointView {
  readonly #bridge: string;
  /** By partition, then by stream. */
  readonly #held = new Map<number, Map<string, Checkpoint>>();
  /** In the order of each partition. */
  readonly claims: Claim[] = [];
  lease: LeaseValue | null = null;
  /** How many records of the lease were read. */
  renewals = 0;

  constructor(bridge: string) {
    this.#bridge = bridge;
  }

  /** Where the topic has got more partitions a key moves: then the later position counts. */
  get held(): Map<string, Checkpoint> {
    const all = new Map<string, Checkpoint>();
    for (const [stream, checkpoint] of [...this.#held.values()].flatMap((one) => [...one])) {
      const known = all.get(stream);
      if (known === undefined || isBehind(known.position, checkpoint.position)) all.set(stream, checkpoint);
    }
    return all;
  }

  readonly take = (record: LogRecord): void => {
    const key = record.key?.toString('utf8') ?? '';
    if (key === this.#bridge) this.#claim(record);
    else if (key === `${this.#bridge}:lease`) this.#renewal(record);
    else if (key.startsWith(`${this.#bridge}/`)) this.#checkpoint(key.slice(this.#bridge.length + 1), record);
  };

  /** In each partition the last record of a key counts; an empty one means that there is none. */
  #checkpoint(stream: string, { partition, value }: LogRecord): void {
    const here = this.#held.get(partition) ?? new Map<string, Checkpoint>();
    this.#held.set(partition, here);
    const checkpoint = parseCheckpoint(value?.toString('utf8') ?? '');
    if (value === null || value.length === 0) here.delete(stream);
    else if (checkpoint !== null) here.set(stream, checkpoint);
  }

  #claim({ partition, offset, value }: LogRecord): void {
    const { instance, started, nonce } = parse(value);
    if (typeof instance !== 'string' || typeof started !== 'number' || typeof nonce !== 'string') return;
    this.claims.push({ partition, offset, owner: { instance, started }, nonce });
  }

  #renewal({ value }: LogRecord): void {
    const { owner, at, ttl, released } = parse(value);
    this.renewals += 1;
    const isLease = typeof owner === 'string' && typeof at === 'number' && typeof ttl === 'number';
    this.lease = isLease ? { owner, at, ttl, released: released === true } : null;
  }
}

function isBehind(one: Position, other: Position): boolean {
  return comparePositions(one, other) < 0;
}

function recordOf(key: string, value: string): Sendable {
  return single(Buffer.from(key), Buffer.from(value), { receivedAt: Date.now() });
}

function parse(value: Buffer | null): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(value?.toString('utf8') ?? '');
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
