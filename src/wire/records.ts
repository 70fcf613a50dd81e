import type { RecordMemory } from '../core/memory.ts';
import type { DecodedBatch, DecodedEvent } from './decode.ts';
import type { BatchHead, Envelope } from './envelope.ts';
import { EnvelopeText, streamRank } from './envelope.ts';
import type { Failure } from './message.ts';
import { maxRawBytes } from './message.ts';

export type { Envelope } from './envelope.ts';

/** JSON documents back to back, each followed by one newline; `ends` has the offset just after each newline. */
export interface Rendered {
  readonly bytes: Buffer;
  readonly ends: readonly number[];
  /** Where the bytes stand, held by whoever asked for them; null: nobody else writes there. */
  readonly memory: RecordMemory | null;
}

/** What the bridge says itself; docs/records.md says when. */
export type Control =
  | {
      readonly type: 'StreamStarted';
      readonly joined: 'start' | 'late' | 'unsequenced';
      /** Address of the publisher, where the transport tells it. */
      readonly peer: string | null;
    }
  | {
      readonly type: 'StreamGap';
      /** Both inclusive; null on streams without numbers. */
      readonly from: bigint | null;
      readonly to: bigint | null;
      readonly missing: bigint;
      readonly reason: string;
    }
  | { readonly type: 'StreamRestarted'; readonly previousEpoch: number; readonly lastSeq: bigint | null }
  | { readonly type: 'StreamShared' }
  | {
      readonly type: 'StreamRecovered';
      /** The range that was missing, both inclusive. */
      readonly from: bigint;
      readonly to: bigint;
      /** How many numbers of it were filled. */
      readonly recovered: bigint;
      readonly durationMs: number;
    }
  | { readonly type: 'Undecodable'; readonly failure: Failure };

/**
 * What the envelopes of one batch may cost beyond its content: a topic of 1 KiB stands four times in each record, and
 * 60 000 events fit into 200 KB.
 */
export const maxEnvelopeBytes = 67_108_864;

/** One record per event, `Undecodable` for those that could not be read; `EmptyBatch` where there are none. */
export function renderEvents(envelope: Envelope, batch: DecodedBatch): Rendered {
  const texts = textsOf(envelope, batch);
  if (batch.events.length === 0) return render([emptyBatch(texts)]);
  if (isTooLarge(texts, batch.events.length)) return renderTooLarge(envelope, batch);
  return render(batch.events.map((event, index) => eventDocument(texts, event, index, batch.events.length)));
}

/** One `Batch` record with all events that could be read, then one `Undecodable` for each other. */
export function renderBatch(envelope: Envelope, batch: DecodedBatch): Rendered {
  const texts = textsOf(envelope, batch);
  const { events } = batch;
  if (events.length === 0) return render([emptyBatch(texts)]);
  const readable = events.filter((event) => event.ok);
  if (isTooLarge(texts, events.length - readable.length)) return renderTooLarge(envelope, batch);
  const documents: string[] = [];
  if (readable.length > 0) {
    const members = readable.map(({ type, fields }) => withType(type, JSON.stringify(fields)));
    const place = { idSuffix: '', type: 'Batch', index: null, count: events.length };
    documents.push(texts.events.document(place, `,"events":[${members.join(',')}]`));
  }
  for (const [index, event] of events.entries()) {
    if (!event.ok) documents.push(eventDocument(texts, event, index, events.length));
  }
  return render(documents);
}

/** One control record. `envelope.seq` is what it shows as `seq`. */
export function renderControl(envelope: Envelope, control: Control): Rendered {
  const text = new EnvelopeText(envelope, { rank: streamRank(envelope.stream), ts: null, tsUnit: 's', extra: null });
  const idSuffix = control.type === 'StreamGap' ? `.StreamGap.${control.reason}` : `.${control.type}`;
  return render([text.document({ idSuffix, type: control.type, index: null, count: null }, controlFields(control))]);
}

/** Envelopes of one batch: control records always have a rank, events only where the engine sent one. */
interface Texts {
  readonly events: EnvelopeText;
  readonly controls: EnvelopeText;
  readonly empty: () => EnvelopeText;
}

function textsOf(envelope: Envelope, batch: DecodedBatch): Texts {
  const events = new EnvelopeText(envelope, batch);
  const withRank: BatchHead = batch.rank.present ? batch : { ...batch, rank: streamRank(envelope.stream) };
  return {
    events,
    controls: withRank === batch ? events : new EnvelopeText(envelope, withRank),
    empty: () => new EnvelopeText(envelope, { ...withRank, ts: null, tsUnit: 's' }),
  };
}

function isTooLarge(texts: Texts, records: number): boolean {
  return texts.events.length * records > maxEnvelopeBytes;
}

function renderTooLarge(envelope: Envelope, batch: DecodedBatch): Rendered {
  const message = `the envelopes of ${batch.events.length} records exceed ${maxEnvelopeBytes} bytes`;
  return renderControl(envelope, {
    type: 'Undecodable',
    failure: { reason: 'too_large', message, raw: batch.payload },
  });
}

function emptyBatch(texts: Texts): string {
  return texts.empty().document({ idSuffix: '.EmptyBatch', type: 'EmptyBatch', index: null, count: null }, '');
}

function eventDocument(texts: Texts, event: DecodedEvent, index: number, count: number): string {
  if (event.ok) {
    const place = { idSuffix: `.${index}`, type: event.type, index, count };
    return texts.events.document(place, `,"event":${JSON.stringify(event.fields)}`);
  }
  const place = { idSuffix: `.${index}.Undecodable`, type: 'Undecodable', index, count };
  return texts.controls.document(place, failureFields(event.failure));
}

function withType(type: string, fields: string): string {
  return `{"type":${JSON.stringify(type)}${fields === '{}' ? '}' : `,${fields.slice(1)}`}`;
}

function controlFields(control: Control): string {
  switch (control.type) {
    case 'StreamStarted':
      return members({ joined: control.joined, peer: control.peer });
    case 'StreamGap': {
      const { from, to, missing, reason } = control;
      return members({ from_seq: decimal(from), to_seq: decimal(to), missing: String(missing), reason });
    }
    case 'StreamRestarted':
      return members({ previous_epoch: control.previousEpoch, last_seq: decimal(control.lastSeq) });
    case 'StreamShared':
      return '';
    case 'StreamRecovered': {
      const { from, to, recovered, durationMs } = control;
      const range = { from_seq: decimal(from), to_seq: decimal(to) };
      return members({ ...range, recovered: String(recovered), duration_ms: durationMs });
    }
    case 'Undecodable':
      return failureFields(control.failure);
  }
}

function failureFields({ reason, message, raw, rawBytes, frameSizes }: Failure): string {
  return members({
    reason,
    message,
    raw: raw.subarray(0, maxRawBytes).toString('base64'),
    raw_bytes: rawBytes ?? raw.length,
    ...(frameSizes !== undefined && { frame_sizes: frameSizes }),
  });
}

/** JSON members to follow others. */
function members(fields: Record<string, unknown>): string {
  return `,${JSON.stringify(fields).slice(1, -1)}`;
}

function decimal(value: bigint | null): string | null {
  return value === null ? null : String(value);
}

function render(documents: readonly string[]): Rendered {
  let size = 0;
  for (const document of documents) size += Buffer.byteLength(document);
  const bytes = Buffer.allocUnsafe(size);
  const ends: number[] = [];
  let end = 0;
  for (const document of documents) {
    end += bytes.write(document, end);
    ends.push(end);
  }
  return { bytes, ends, memory: null };
}
