import { describe, expect, it } from 'vitest';
import type { CapturedFrame, Vector } from './support.ts';
import { bytesOf, capturedFrames, recordsOf, vectors } from './support.ts';

/** Records back in the form of the vectors: one batch with its events. */
function normalised(frames: readonly Buffer[]): Record<string, unknown> {
  const { batch, documents } = recordsOf(frames);
  const first = documents[0] ?? {};
  return {
    topic: first['topic'],
    ...('topic_suffix' in first && { topic_suffix: first['topic_suffix'] }),
    sequence: first['seq'],
    ts: batch.ts,
    ts_unit: batch.tsUnit,
    ...('batch_extra' in first && { batch_extra: first['batch_extra'] }),
    ...(batch.rank.present && { data_parallel_rank: batch.rank.value }),
    events: documents
      .filter(({ type }) => type !== 'EmptyBatch')
      .map(({ type, event }, index) => {
        const read = batch.events[index];
        return { type, encoding: read?.ok ? read.encoding : null, ...(event as object) };
      }),
  };
}

describe('vectors made from the published schemas', () => {
  const all = vectors();

  it('are all there', () => {
    expect(all).toHaveLength(23);
  });

  it.each(all)('$name becomes the records it stands for', ({ frames, expect: expected }: Vector) => {
    const { batch_encoding, ...rest } = expected;
    expect(['array', 'map']).toContain(batch_encoding);
    expect(normalised(bytesOf(frames))).toEqual(rest);
  });
});

type Raw = null | boolean | number | string | Raw[] | { [key: string]: Raw };

const slots: Record<string, string[]> = {
  BlockStored: [
    'block_hashes parent_block_hash token_ids block_size lora_id medium lora_name extra_keys group_idx',
    'kv_cache_spec_kind kv_cache_spec_sliding_window',
  ].flatMap((names) => names.split(' ')),
  BlockRemoved: ['block_hashes', 'medium', 'group_idx'],
  AllBlocksCleared: [],
};

function hash(value: Raw): string | null {
  if (value === null) return null;
  if (typeof value === 'object' && '$int' in value) return String(value['$int']);
  if (typeof value === 'object' && '$bin' in value) return `0x${value['$bin']}`;
  return String(value);
}

/** What a capture recorded of one event, as this contract writes it: only hashes look different. */
function expectedEvent(raw: Raw): Record<string, unknown> {
  const entries: [string, Raw][] = Array.isArray(raw)
    ? raw.map((value, slot) => [slot === 0 ? 'type' : String(slots[String(raw[0])]?.[slot - 1]), value])
    : Object.entries(raw as object);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (name === 'block_hashes') return [name, (value as Raw[]).map(hash)];
      return [name, name === 'parent_block_hash' ? hash(value) : value];
    }),
  );
}

describe('captures of real engines', () => {
  const all = capturedFrames();

  it('are all there', () => {
    expect(all).toHaveLength(90);
  });

  it.each(all)('$name becomes the records it stands for', ({ frames, expected }: CapturedFrame) => {
    const [ts, events, rank] = expected.payload as [number, Raw[], number];
    const { documents, batch } = recordsOf(bytesOf(frames));
    expect(documents.map(({ type, event }) => ({ type, ...(event as object) }))).toEqual(events.map(expectedEvent));
    for (const document of documents) {
      expect(document).toMatchObject({ topic: expected.topic, seq: expected.sequence, ts, data_parallel_rank: rank });
      expect(document).toMatchObject({ pod: expect.any(String), model: 'Qwen/Qwen3-0.6B' });
    }
    expect(batch.events.every((event) => event.ok && !('extra' in event.fields))).toBe(true);
  });
});
