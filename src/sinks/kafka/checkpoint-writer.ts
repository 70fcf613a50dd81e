import type { RecordBatch } from '../../core/batch.ts';
import type { Checkpoint, Position } from '../../core/checkpoint.ts';
import { comparePositions } from '../../core/checkpoint.ts';
import type { ChannelOptions } from './channel.ts';
import { Channel } from './channel.ts';
import { inTime } from './deadline.ts';
import type { KafkaParts } from './parts.ts';
import { asSinkError } from './parts.ts';
import { Turns } from './turns.ts';

/** How long `close` waits for the last checkpoints, ms: without them some records are sent again. */
const lastPatience = 2_000;

/**
 * Writes checkpoints beside the records, behind their confirmation and not with each of them. A producer of its own, one
 * send at a time; one that failed is thrown away.
 */
export class CheckpointWriter {
  readonly #parts: KafkaParts;
  readonly #options: ChannelOptions;
  readonly #turns = new Turns();
  /** By stream: what the topic surely has. */
  readonly #stored = new Map<string, Position>();
  /** What is confirmed and not yet in the topic. */
  readonly #dirty = new Map<string, Checkpoint>();
  #channel: Channel | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;
  #isFailing = false;

  constructor(parts: KafkaParts, options: ChannelOptions) {
    this.#parts = parts;
    this.#options = { ...options, compression: 0 };
  }

  /** With what the topic holds. */
  begin(held: ReadonlyMap<string, Checkpoint>): void {
    this.#stored.clear();
    for (const [stream, { position }] of held) this.#stored.set(stream, position);
  }

  lacksEpoch({ stream, checkpoint }: RecordBatch): boolean {
    return (this.#stored.get(stream.id)?.epoch ?? -1) < checkpoint.position.epoch;
  }

  /**
   * Stores that these epochs have begun, before their first records: after a crash they are known, so that the same
   * records get the same ids. Everything of earlier epochs must be confirmed.
   */
  async storeEpochs(epochs: ReadonlyMap<string, number>): Promise<void> {
    if (epochs.size === 0) return;
    for (const [stream, epoch] of epochs) {
      this.#dirty.set(stream, { position: { epoch, seq: null, sub: 0 }, ts: null, hash: null });
    }
    await this.#flush();
  }

  /** All of these is confirmed. Never goes back: the epoch behind them may be stored already. */
  reached(batches: readonly RecordBatch[]): void {
    for (const { stream, checkpoint } of batches) {
      const at = this.#dirty.get(stream.id)?.position ?? this.#stored.get(stream.id);
      if (at === undefined || comparePositions(at, checkpoint.position) < 0) this.#dirty.set(stream.id, checkpoint);
    }
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await inTime(this.#flush(), lastPatience, 'writing the last checkpoints').catch(() => {});
    const channel = this.#channel;
    this.#channel = null;
    await channel?.close();
  }

  #schedule(): void {
    if (this.#timer !== null || this.#isClosed || this.#dirty.size === 0) return;
    this.#timer = setTimeout(() => void this.#onTime(), this.#parts.config.checkpointInterval).unref();
  }

  async #onTime(): Promise<void> {
    this.#timer = null;
    try {
      await this.#flush();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#note(error);
      this.#isFailing = true;
    }
    this.#schedule();
  }

  #flush(): Promise<void> {
    return this.#turns.run(async () => {
      const { records, directory, config } = this.#parts;
      if (this.#dirty.size === 0) return;
      const flushed = new Map(this.#dirty);
      const { partitions } = await directory.facts(config.checkpointTopic);
      try {
        for (const parts of records.checkpoints(flushed, partitions)) await this.#send(parts);
      } catch (error) {
        this.#channel?.drop();
        this.#channel = null;
        directory.forget();
        throw asSinkError(error);
      }
      this.#settle(flushed);
    });
  }

  async #send(parts: Parameters<Channel['send']>[0]): Promise<void> {
    this.#channel ??= await Channel.open(this.#parts.factory, this.#options);
    const confirmed = await this.#channel.send(parts);
    if (confirmed.length < parts.length) throw new Error('the brokers did not confirm all checkpoints');
  }

  #settle(flushed: ReadonlyMap<string, Checkpoint>): void {
    for (const [stream, checkpoint] of flushed) {
      this.#stored.set(stream, checkpoint.position);
      if (this.#dirty.get(stream) === checkpoint) this.#dirty.delete(stream);
    }
  }

  #note(error: unknown): void {
    const { code, message } = asSinkError(error);
    const text = `checkpoints are not written: ${message}; after a restart more records would be sent again`;
    this.#parts.observe({ fact: 'sink-note', sink: 'kafka', code, message: text });
  }
}
