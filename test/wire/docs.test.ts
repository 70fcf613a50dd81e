import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Control } from '../../src/wire/records.ts';
import { renderBatch, renderControl, renderEvents } from '../../src/wire/records.ts';
import { assertRecord } from '../support/schema.ts';
import { batchOf, bytesOf, documentsOf, envelope, pack, vectors } from './support.ts';

/** The JSON blocks of docs/records.md that are records, in order. */
function examplesInDocs(): Record<string, unknown>[] {
  const text = readFileSync(new URL('../../docs/records.md', import.meta.url), 'utf8');
  return [...text.matchAll(/```json\n(.*?)```/gs)].map(([, block]) => JSON.parse(block ?? ''));
}

function payloadOf(name: string): Buffer {
  const vector = vectors().find((candidate) => candidate.name === name);
  return bytesOf(vector?.frames ?? []).at(-1) ?? Buffer.alloc(0);
}

/** What the code makes of the same: in the order of the page. */
function examplesFromCode(): Record<string, unknown>[] {
  const vllm = batchOf(payloadOf('vllm-map'));
  const atom = batchOf(payloadOf('atom-topic-two-frames'));
  const bad = batchOf(pack([1_763_800_000.25, [['AllBlocksCleared'], ['BlockStored', null]], 0]));
  const none = batchOf(pack([1_763_800_000.5, [], 0]));
  const one = (seq: bigint, control: Control) =>
    documentsOf(renderControl(envelope({ seq, ordinal: String(seq) }), control));
  const stream = { id: 'atom/atom/-', source: 'atom', host: null, topic: 'atom', pod: null, model: null, rank: null };
  return [
    ...documentsOf(renderEvents(envelope(), vllm)),
    ...documentsOf(renderEvents(envelope({ stream, seq: null, ordinal: 'n7' }), atom)).slice(1, 2),
    ...documentsOf(renderBatch(envelope(), vllm)),
    ...one(0n, { type: 'StreamStarted', joined: 'start', peer: '10.0.0.5' }),
    ...one(43n, { type: 'StreamGap', from: 43n, to: 45n, missing: 3n, reason: 'no_replay' }),
    ...documentsOf(
      renderControl(envelope({ epoch: 1_763_803_600_000, seq: 0n, ordinal: '0' }), {
        type: 'StreamRestarted',
        previousEpoch: 1_763_800_000_000,
        lastSeq: 46n,
      }),
    ),
    ...documentsOf(
      renderControl(envelope({ seq: 45n, ordinal: '45', origin: 'replay' }), {
        type: 'StreamRecovered',
        from: 43n,
        to: 45n,
        recovered: 3n,
        durationMs: 12,
      }),
    ),
    ...documentsOf(renderControl(envelope({ seq: 12n, ordinal: 'n1' }), { type: 'StreamShared' })),
    ...documentsOf(renderEvents(envelope({ seq: 47n, ordinal: '47' }), none)),
    ...documentsOf(renderEvents(envelope({ seq: 48n, ordinal: '48' }), bad)).slice(1),
  ];
}

describe('docs/records.md', () => {
  it('shows records exactly as they are written', () => {
    expect(examplesInDocs()).toEqual(examplesFromCode());
  });

  it('shows every type of record, each valid', () => {
    const examples = examplesInDocs();
    examples.forEach(assertRecord);
    const schema = JSON.parse(readFileSync(new URL('../../schemas/record.schema.json', import.meta.url), 'utf8'));
    const types = (schema.oneOf as { $ref: string }[]).map(({ $ref }) => $ref.replace('#/$defs/', ''));
    const shown = examples.map(({ type }) => (type === 'BlockTransferred' ? 'UnknownEvent' : type));
    expect([...new Set(shown)].sort()).toEqual(types.sort());
  });
});
