import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordBatch } from '../../src/core/batch.ts';
import { recordAt } from '../../src/core/batch.ts';
import type { Checkpoint, Held } from '../../src/core/checkpoint.ts';
import { comparePositions } from '../../src/core/checkpoint.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink, WriteOutcome } from '../../src/core/sink.ts';
import { deadLetterDocument } from '../../src/wire/dead-letter.ts';

/** A destination in memory: several sinks may write to it one after another, and it can be away. */
export class MemoryDestination {
  readonly documents: string[] = [];
  readonly deadLetters: string[] = [];
  readonly checkpoints = new Map<string, Checkpoint>();
  /** Which of the sinks that took the name may write. */
  fence = 0;
  broken = false;
  /** Larger records are poison. */
  maxRecordBytes = Number.POSITIVE_INFINITY;

  /**
   * Appends one batch, as a server does: all or nothing, with a turn of the loop in between. Returns the dead letters.
   * `fence` is that of a sink which delivers exactly once, null for any other.
   */
  async append(batch: RecordBatch, fence: number | null = null): Promise<number> {
    await nextTurn();
    if (this.broken) throw away();
    if (fence !== null && !this.#isNews(batch, fence)) return 0;
    let refused = 0;
    for (const index of batch.ends.keys()) {
      const record = recordAt(batch, index);
      if (record.length <= this.maxRecordBytes) this.documents.push(record.toString('utf8'));
      else {
        const letter = { sink: 'memory', target: 'memory', reason: 'too_large', message: 'too large', record } as const;
        this.deadLetters.push(deadLetterDocument(letter).toString('utf8'));
        refused += 1;
      }
    }
    this.checkpoints.set(batch.stream.id, batch.checkpoint);
    return refused;
  }

  #isNews({ stream, checkpoint, follows }: RecordBatch, fence: number): boolean {
    if (fence !== this.fence) {
      throw new SinkError({ kind: 'fenced', code: 'FENCED', message: 'memory: another sink has taken the name' });
    }
    const held = this.checkpoints.get(stream.id)?.position;
    if (held !== undefined && comparePositions(checkpoint.position, held) <= 0) return false;
    if (follows === null || (held !== undefined && comparePositions(follows, held) <= 0)) return true;
    throw new SinkError({ kind: 'reopen', code: 'HOLDS_LESS', message: `memory: ${stream.id} lacks what is before` });
  }
}

/** The smallest sink that keeps the contract. */
export class MemorySink implements Sink {
  readonly destination: MemoryDestination;
  readonly #delivery: 'at-least-once' | 'exactly-once';
  #fence: number | null = null;

  constructor(destination: MemoryDestination, delivery: 'at-least-once' | 'exactly-once' = 'at-least-once') {
    this.destination = destination;
    this.#delivery = delivery;
  }

  async connect(): Promise<Held> {
    await nextTurn();
    if (this.destination.broken) throw away();
    if (this.#delivery === 'exactly-once') {
      this.destination.fence += 1;
      this.#fence = this.destination.fence;
    }
    return new Map(this.destination.checkpoints);
  }

  async write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    let written = 0;
    let deadLettered = 0;
    let batchesDeadLettered = 0;
    for (const batch of batches) {
      try {
        const refused = await this.destination.append(batch, this.#fence);
        deadLettered += refused;
        if (refused > 0) batchesDeadLettered += 1;
      } catch (error) {
        if (!(error instanceof SinkError)) throw error;
        throw new SinkError({ kind: error.kind, code: error.code, message: error.message, written });
      }
      written += 1;
    }
    return { deadLettered, batchesDeadLettered };
  }

  async close(): Promise<void> {
    await nextTurn();
  }
}

function away(): SinkError {
  return new SinkError({ kind: 'transient', code: 'ECONNREFUSED', message: 'memory: it is away' });
}
