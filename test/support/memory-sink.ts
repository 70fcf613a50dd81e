import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordBatch } from '../../src/core/batch.ts';
import { recordAt } from '../../src/core/batch.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink, WriteOutcome } from '../../src/core/sink.ts';
import { deadLetterDocument } from '../../src/wire/dead-letter.ts';

/** A destination in memory: several sinks may write to it one after another, and it can be away. */
export class MemoryDestination {
  readonly documents: string[] = [];
  readonly deadLetters: string[] = [];
  broken = false;
  /** Larger records are poison. */
  maxRecordBytes = Number.POSITIVE_INFINITY;

  /** Appends one batch, as a server does: all or nothing, with a turn of the loop in between. Returns the dead letters. */
  async append(batch: RecordBatch): Promise<number> {
    await nextTurn();
    if (this.broken) throw new SinkError({ kind: 'transient', code: 'ECONNREFUSED', message: 'memory: it is away' });
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
    return refused;
  }
}

/** The smallest sink that keeps the contract. */
export class MemorySink implements Sink {
  readonly destination: MemoryDestination;

  constructor(destination: MemoryDestination) {
    this.destination = destination;
  }

  async connect(): Promise<null> {
    await nextTurn();
    if (this.destination.broken) {
      throw new SinkError({ kind: 'transient', code: 'ECONNREFUSED', message: 'memory: it is away' });
    }
    return null;
  }

  async write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    let written = 0;
    let deadLettered = 0;
    for (const batch of batches) {
      try {
        deadLettered += await this.destination.append(batch);
      } catch (error) {
        if (!(error instanceof SinkError)) throw error;
        throw new SinkError({ kind: error.kind, code: error.code, message: error.message, written });
      }
      written += 1;
    }
    return { deadLettered, batchesDeadLettered: 0 };
  }

  async close(): Promise<void> {
    await nextTurn();
  }
}
