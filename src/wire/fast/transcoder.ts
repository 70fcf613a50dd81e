import type { RecordForm } from '../../core/batch.ts';
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
  #current: object | null = null;

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
    const batch = this.#batchOf(walked, payload);
    this.#current = batch;
    return { ok: true, batch };
  }

  #batchOf({ ts, rank, counts }: Walked, payload: Buffer): ReadBatch {
    const head = { ts, tsUnit: unitOf(ts), rank, extra: null };
    const batch = {
      ...{ ts, tsUnit: head.tsUnit, rank, counts, failures: noFailures },
      render: (envelope: Envelope, form: RecordForm) => {
        if (this.#current !== batch) throw new Error('another message was read before this batch was rendered');
        return this.#render(envelope, head, form) ?? renderedByReference(payload, envelope, form);
      },
    };
    return batch;
  }

  /** Null where the envelopes may be too large together: the reference implementation says whether they are. */
  #render(envelope: Envelope, head: BatchHead, form: RecordForm): Rendered | null {
    const bytes = this.#renderer.begin(envelope, head);
    const { bodies } = this.#walk;
    if (form === 'batch') return this.#renderer.batch(bodies);
    return bytes * bodies.types.length > maxEnvelopeBytes ? null : this.#renderer.events(bodies);
  }
}

function renderedByReference(payload: Buffer, envelope: Envelope, form: RecordForm): Rendered {
  const reading = referenceTranscoder.read(payload);
  if (!reading.ok) throw new Error(`read by the walk alone: ${reading.failure.message}`);
  return reading.batch.render(envelope, form);
}
