import type { RecordForm } from '../../core/batch.ts';
import type { EventCounts } from '../../core/observer.ts';
import type { Rank } from '../decode.ts';
import { unitOf } from '../decode.ts';
import type { BatchHead, Envelope } from '../envelope.ts';
import type { Appended, ReadBatch, Reading, Run, Transcoder } from '../reading.ts';
import type { Rendered } from '../records.ts';
import { maxEnvelopeBytes } from '../records.ts';
import { referenceTranscoder } from '../reference.ts';
import { Kernel } from './kernel.ts';
import { Renderer } from './renderer.ts';
import { isSameRank } from './stream-text.ts';
import { BatchWalk } from './walked.ts';

const noFailures: readonly never[] = [];

/**
 * Walks the msgpack bytes once and writes JSON bytes; no object for an event or a token. What it does not know, and what
 * cannot be read, goes to the reference implementation, and `onFallback` is called: the records are the same.
 */
export class FastTranscoder implements Transcoder {
  readonly #walk: BatchWalk;
  readonly #renderer: Renderer;
  readonly #onFallback: () => void;
  /** The batch that the walk holds the events of. */
  #current: FastBatch | null = null;
  #run: FastRun | null = null;

  /** Without a kernel JavaScript does all of it. */
  constructor(onFallback: () => void, kernel: Kernel | null = Kernel.make()) {
    this.#onFallback = onFallback;
    this.#walk = new BatchWalk(kernel);
    this.#renderer = new Renderer(kernel);
  }

  read(payload: Buffer): Reading {
    this.#renderer.flush();
    if (!this.#walk.take(payload)) {
      this.#current = null;
      this.#onFallback();
      return referenceTranscoder.read(payload);
    }
    const batch = new FastBatch(this, this.#walk, payload);
    this.#current = batch;
    return { ok: true, batch };
  }

  /** For `FastBatch`. */
  render(batch: FastBatch, envelope: Envelope, form: RecordForm): Rendered {
    this.#run = null;
    return this.#write(batch, envelope, form) ? this.#renderer.end() : byReference(batch.payload, envelope, form);
  }

  /** For `FastBatch`. */
  startRun(batch: FastBatch, envelope: Envelope, form: RecordForm): Run | null {
    if (!this.#write(batch, envelope, form)) return null;
    this.#run = new FastRun(this, this.#renderer, batch.rank);
    return this.#run;
  }

  /** For `FastRun`. */
  add(run: FastRun, batch: ReadBatch): boolean {
    this.#check(run);
    const current = this.#current;
    if (current === null || current !== batch || !isSameRank(run.rank, current.rank)) return false;
    return this.#renderer.add(this.#walk.bodies, current);
  }

  /** For `FastRun`. */
  append(run: FastRun, payload: Buffer): Appended | null {
    this.#check(run);
    this.#current = null;
    const count = this.#renderer.record(payload);
    if (count === 0) return null;
    this.#walk.noteRecords(count);
    return this.#walk;
  }

  #check(run: FastRun): void {
    if (this.#run !== run) throw new Error('something else was rendered before this run ended');
  }

  /** False where there may be more than is allowed: the reference implementation says whether there is. */
  #write(batch: FastBatch, envelope: Envelope, form: RecordForm): boolean {
    if (this.#current !== batch) throw new Error('another message was read before this batch was rendered');
    const size = this.#renderer.begin(envelope, batch, form);
    const { bodies } = this.#walk;
    if (form === 'event' && size * bodies.count > maxEnvelopeBytes) return false;
    this.#renderer.write(bodies);
    return true;
  }
}

/** Records and bytes of a run at most: what waits, is written and is confirmed together should not become coarse. */
const maxRunRecords = 128;
const maxRunBytes = 65_536;

class FastRun implements Run {
  readonly rank: Rank;
  readonly #transcoder: FastTranscoder;
  readonly #renderer: Renderer;

  constructor(transcoder: FastTranscoder, renderer: Renderer, rank: Rank) {
    this.#transcoder = transcoder;
    this.#renderer = renderer;
    this.rank = rank;
  }

  get records(): number {
    return this.#renderer.records;
  }

  get isFull(): boolean {
    return this.#renderer.records >= maxRunRecords || this.#renderer.size >= maxRunBytes;
  }

  add(batch: ReadBatch): boolean {
    return this.#transcoder.add(this, batch);
  }

  append(payload: Buffer): Appended | null {
    return this.#transcoder.append(this, payload);
  }

  end(): Rendered {
    return this.#renderer.end();
  }
}

class FastBatch implements ReadBatch, BatchHead {
  readonly ts: number;
  readonly tsUnit: 's' | 'ms';
  readonly rank: Rank;
  readonly extra = null;
  readonly failures = noFailures;
  readonly counts: EventCounts;
  readonly payload: Buffer;
  readonly #transcoder: FastTranscoder;

  constructor(transcoder: FastTranscoder, { ts, rank, counts }: BatchWalk, payload: Buffer) {
    this.ts = ts;
    this.tsUnit = unitOf(ts);
    this.rank = rank;
    this.counts = counts;
    this.payload = payload;
    this.#transcoder = transcoder;
  }

  render(envelope: Envelope, form: RecordForm): Rendered {
    return this.#transcoder.render(this, envelope, form);
  }

  startRun(envelope: Envelope, form: RecordForm): Run | null {
    return this.#transcoder.startRun(this, envelope, form);
  }
}

function byReference(payload: Buffer, envelope: Envelope, form: RecordForm): Rendered {
  const reading = referenceTranscoder.read(payload);
  if (!reading.ok) throw new Error(`read by the walk alone: ${reading.failure.message}`);
  return reading.batch.render(envelope, form);
}
