import type { RecordForm } from '../../core/batch.ts';
import type { EventCounts } from '../../core/observer.ts';
import type { Rank } from '../decode.ts';
import { unitOf } from '../decode.ts';
import type { BatchHead, Envelope } from '../envelope.ts';
import type { ReadBatch, Reading, Transcoder } from '../reading.ts';
import type { Rendered } from '../records.ts';
import { maxEnvelopeBytes } from '../records.ts';
import { referenceTranscoder } from '../reference.ts';
import { Renderer } from './renderer.ts';
import type { Walked } from './walked.ts';
import { BatchWalk } from './walked.ts';

const noFailures: readonly never[] = [];

/**
 * Walks the msgpack bytes once and writes JSON bytes; no object for an event or a token. What it does not know, and what
 * cannot be read, goes to the reference implementation, and `onFallback` is called: the records are the same.
 */
export class FastTranscoder implements Transcoder {
  readonly #walk = new BatchWalk();
  readonly #renderer = new Renderer();
  readonly #onFallback: () => void;
  /** The batch that the walk holds the events of. */
  #current: FastBatch | null = null;

  constructor(onFallback: () => void) {
    this.#onFallback = onFallback;
  }

  read(payload: Buffer): Reading {
    const walked = this.#walk.take(payload);
    if (walked === null) {
      this.#current = null;
      this.#onFallback();
      return referenceTranscoder.read(payload);
    }
    const batch = new FastBatch(this, walked, payload);
    this.#current = batch;
    return { ok: true, batch };
  }

  /** For `FastBatch`. */
  render(batch: FastBatch, envelope: Envelope, form: RecordForm): Rendered {
    if (this.#current !== batch) throw new Error('another message was read before this batch was rendered');
    const bytes = this.#renderer.begin(envelope, batch);
    const { bodies } = this.#walk;
    if (form === 'batch') return this.#renderer.batch(bodies);
    // Perhaps too large together: the reference implementation says whether they are.
    if (bytes * bodies.types.length > maxEnvelopeBytes) return renderedByReference(batch.payload, envelope, form);
    return this.#renderer.events(bodies);
  }
}

class FastBatch implements ReadBatch, BatchHead {
  readonly ts: number;
  readonly tsUnit: 's' | 'ms';
  readonly rank: Rank;
  readonly extra = null;
  readonly counts: EventCounts;
  readonly failures = noFailures;
  readonly payload: Buffer;
  readonly #transcoder: FastTranscoder;

  constructor(transcoder: FastTranscoder, { ts, rank, counts }: Walked, payload: Buffer) {
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
}

function renderedByReference(payload: Buffer, envelope: Envelope, form: RecordForm): Rendered {
  const reading = referenceTranscoder.read(payload);
  if (!reading.ok) throw new Error(`read by the walk alone: ${reading.failure.message}`);
  return reading.batch.render(envelope, form);
}
