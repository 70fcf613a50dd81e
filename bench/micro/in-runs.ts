import { FastTranscoder } from '../../src/wire/fast/transcoder.ts';
import type { ReadBatch, Run, Transcoder } from '../../src/wire/reading.ts';
import type { Rendered } from '../../src/wire/records.ts';
import { envelope } from './envelope.ts';

/** The profiles are what engines send: an implementation that hands them to the reference would be measured as it. */
export function fastTranscoder(): FastTranscoder {
  return new FastTranscoder(() => {
    throw new Error('the fast transcoder fell back to the reference');
  });
}

/** Transcodes batches as the bridge does with those that come together: whole runs of them. */
export class RunsOfBatches {
  readonly #transcoder = fastTranscoder();
  #run: Run | null = null;

  /** What is finished with this batch: nothing, or the run before. */
  take(payload: Buffer, seq: number): Rendered | null {
    const run = this.#run;
    if (run !== null && !run.isFull && run.append(payload) !== null) return null;
    const finished = this.end();
    this.#run = read(this.#transcoder, payload).startRun(envelope(seq), 'event');
    if (this.#run === null) throw new Error('a batch cannot begin a run');
    return finished;
  }

  end(): Rendered | null {
    const finished = this.#run?.end() ?? null;
    this.#run = null;
    return finished;
  }
}

export function read(transcoder: Transcoder, payload: Buffer): ReadBatch {
  const reading = transcoder.read(payload);
  if (!reading.ok) throw new Error(reading.failure.message);
  return reading.batch;
}
