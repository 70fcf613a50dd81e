import { SinkError } from '../../core/errors.ts';
import type { ChannelOptions } from './channel.ts';
import { Channel } from './channel.ts';
import type { Chunk, Part } from './chunks.ts';
import type { ClientFactory } from './client.ts';
import { Overdue } from './deadline.ts';
import type { Entry } from './entries.ts';
import type { Verdict } from './errors.ts';
import { judge, sinkErrorOf } from './errors.ts';
import { smaller } from './narrow.ts';
import type { Bury } from './planner.ts';

interface Pending {
  readonly chunk: Chunk;
  /** Confirmed, dead letters in place of what they stand for. */
  readonly confirmed: Entry[];
  /** Not confirmed yet. */
  parts: readonly Part[];
  /** What the next send takes: all that is left, or after a failure one part at a time, to see which one fails. */
  sending: readonly Part[];
  singly: boolean;
}

/** Codes after which partitions have to be asked for anew. */
const outdated = /^(UNKNOWN_TOPIC|PARTITION_GONE)/;

/** Sends without any part confirmed before the plan counts as outdated. */
const maxMisses = 3;

/** Gets chunks confirmed, one after the other, whatever becomes of the producer; asks to be called again after a failure. */
export class Courier {
  readonly #factory: ClientFactory;
  readonly #options: ChannelOptions;
  readonly #bury: Bury;
  #channel: Channel | null = null;
  #pending: Pending | null = null;

  constructor(factory: ClientFactory, options: ChannelOptions, bury: Bury) {
    this.#factory = factory;
    this.#options = options;
    this.#bury = bury;
  }

  /** The chunk whose delivery failed; the next `deliver` must bring it again, or `forget` come first. */
  get pending(): Chunk | null {
    return this.#pending?.chunk ?? null;
  }

  async connect(): Promise<void> {
    try {
      this.#channel ??= await Channel.open(this.#factory, this.#options);
    } catch (error) {
      const verdict = judge(error);
      if (verdict.identity) this.#factory.forgetCredentials();
      throw sinkErrorOf(verdict, 'cannot connect to Kafka');
    }
  }

  /** Resolves when all of the chunk is confirmed, with what was written: dead letters among it. */
  async deliver(chunk: Chunk): Promise<readonly Entry[]> {
    const pending = this.#pending ?? startOf(chunk);
    this.#pending = pending;
    for (let attempts = 0; pending.parts.length > 0; attempts += 1) {
      await this.connect();
      try {
        await this.#send(pending);
      } catch (error) {
        if (error instanceof Overdue) throw error;
        await this.#recover(pending, judge(error), attempts);
      }
    }
    this.#pending = null;
    return pending.confirmed;
  }

  /** Gives up the chunk that failed, and with it the producer whose numbering depends on it. */
  forget(): void {
    if (this.#pending === null) return;
    this.#pending = null;
    this.#drop();
  }

  async close(): Promise<void> {
    const channel = this.#channel;
    this.#channel = null;
    await channel?.close();
  }

  async #send(pending: Pending): Promise<void> {
    for (let misses = 0; misses < maxMisses; misses += 1) {
      const confirmed = (await this.#channel?.send(pending.sending)) ?? [];
      for (const { entries } of confirmed) pending.confirmed.push(...entries);
      pending.parts = pending.parts.filter((part) => !confirmed.includes(part));
      nextSending(pending);
      if (confirmed.length > 0) return;
    }
    const { topic, partition } = pending.sending[0] ?? {};
    const message = `the brokers confirm nothing for partition ${partition} of ${topic}; the topic has changed`;
    throw new SinkError({ kind: 'transient', code: 'PARTITION_GONE', message });
  }

  /** Puts right what can be; throws what the lane has to wait for. */
  async #recover(pending: Pending, verdict: Verdict, attempts: number): Promise<void> {
    const about = `writing to ${topicsOf(pending.sending)}`;
    if (verdict.class === 'record') {
      await this.#narrow(pending, verdict);
      return;
    }
    pending.singly = true;
    nextSending(pending);
    if (verdict.class === 'producer') {
      this.#drop();
      if (attempts === 0) return;
    }
    if (verdict.identity) {
      this.#factory.forgetCredentials();
      this.#drop();
    }
    if (outdated.test(verdict.code)) this.forget();
    throw sinkErrorOf(verdict, about);
  }

  /** Finds the refused record by halves; it becomes a dead letter. */
  async #narrow(pending: Pending, verdict: Verdict): Promise<void> {
    const [part, ...others] = pending.sending;
    pending.singly = true;
    if (part !== undefined && others.length === 0) {
      const rest = pending.parts.filter((one) => one !== part);
      pending.parts = [...(await smaller(part, verdict, this.#bury)), ...rest];
    }
    nextSending(pending);
  }

  #drop(): void {
    this.#channel?.drop();
    this.#channel = null;
  }
}

function startOf(chunk: Chunk): Pending {
  return { chunk, confirmed: [], parts: chunk.parts, sending: chunk.parts, singly: false };
}

/** `sending` stays the same object as long as it says the same: a send that is under way is then waited for again. */
function nextSending(pending: Pending): void {
  const next = pending.singly ? pending.parts.slice(0, 1) : pending.parts;
  const same = next.length === pending.sending.length && next.every((part, index) => part === pending.sending[index]);
  if (!same) pending.sending = next;
}

function topicsOf(parts: readonly Part[]): string {
  const topics = [...new Set(parts.map(({ topic }) => topic))];
  return topics.length > 3 ? `${topics.slice(0, 3).join(', ')} and ${topics.length - 3} more` : topics.join(', ');
}
