import { describe, expect, it } from 'vitest';
import type { Failure } from '../../src/wire/message.ts';
import { maxRawBytes } from '../../src/wire/message.ts';
import { renderBatch, renderControl, renderEvents } from '../../src/wire/records.ts';
import { batchOf, batchWith, documentsOf, envelope, hex, pack } from './support.ts';

const stored = ['BlockStored', [2n ** 64n - 1n], null, [1, 2, 3], 16, null, 'GPU', null];
const cleared = ['AllBlocksCleared'];
const base = 'zmq/kv@10.0.0.5@Qwen/Qwen3-0.6B/0@1763800000000.42';

describe('one record per event', () => {
  it('is written exactly like this', () => {
    const { bytes, ends } = renderEvents(envelope(), batchOf(pack([1_763_800_000.123, [stored, cleared], 0])));
    const head = (id: string, type: string) =>
      `{"v":1,"id":"${base}.${id}","type":"${type}",` +
      '"stream":"zmq/kv@10.0.0.5@Qwen/Qwen3-0.6B/0","source":"zmq","topic":"kv@10.0.0.5@Qwen/Qwen3-0.6B",' +
      '"pod":"10.0.0.5","model":"Qwen/Qwen3-0.6B","data_parallel_rank":0,"epoch":1763800000000,"seq":"42",' +
      `"index":${id},"count":2,"ts":1763800000.123,"received_at":1763800000.13,"origin":"live",`;
    const first =
      `${head('0', 'BlockStored')}"event":{"block_hashes":["18446744073709551615"],"parent_block_hash":null,` +
      '"token_ids":[1,2,3],"block_size":16,"lora_id":null,"medium":"GPU","lora_name":null}}\n';
    expect(bytes.toString()).toBe(`${first}${head('1', 'AllBlocksCleared')}"event":{}}\n`);
    expect(ends).toEqual([first.length, bytes.length]);
  });

  it('has what is only sometimes there in its place', () => {
    const batch = batchOf(pack([1_763_800_000_123, [cleared], null, 'x']));
    const { bytes } = renderEvents(envelope({ topicSuffix: { a: 'b', c: null } }), batch);
    expect(bytes.toString()).toContain('"topic":"kv@10.0.0.5@Qwen/Qwen3-0.6B","topic_suffix":{"a":"b","c":null},"pod"');
    expect(bytes.toString()).toContain('"model":"Qwen/Qwen3-0.6B","data_parallel_rank":null,"epoch"');
    expect(bytes.toString()).toContain('"ts":1763800000123,"ts_unit":"ms","received_at"');
    expect(bytes.toString()).toContain('"origin":"live","batch_extra":{"#3":"x"},"event"');
  });

  it('has no rank where the batch has none', () => {
    const [record] = documentsOf(renderEvents(envelope(), batchOf(pack([1, [cleared]]))));
    expect(record).not.toHaveProperty('data_parallel_rank');
  });

  it('measures bytes, not characters', () => {
    const documents = documentsOf(renderEvents(envelope(), batchWith(['Ä€😀', [1]], ['\u2028"\\\n', [2]])));
    expect(documents.map(({ type }) => type)).toEqual(['Ä€😀', '\u2028"\\\n']);
  });

  it('says n and a counter in the id where there is no number', () => {
    const [record] = documentsOf(renderEvents(envelope({ seq: null, ordinal: 'n7' }), batchWith(cleared)));
    expect(record).toMatchObject({ id: expect.stringMatching(/@1763800000000\.n7\.0$/), seq: null });
  });

  it('is Undecodable for an event that cannot be read, and no index shifts', () => {
    const records = documentsOf(renderEvents(envelope(), batchWith(cleared, 5, cleared)));
    expect(records.map(({ id, index, count }) => [id, index, count])).toEqual([
      [`${base}.0`, 0, 3],
      [`${base}.1.Undecodable`, 1, 3],
      [`${base}.2`, 2, 3],
    ]);
    expect(records[1]).toMatchObject({
      type: 'Undecodable',
      ts: 1.5,
      data_parallel_rank: 0,
      reason: 'bad_event',
      raw: 'BQ==',
      raw_bytes: 1,
    });
    expect(records[1]).not.toHaveProperty('event');
  });

  it('is EmptyBatch where there are no events', () => {
    for (const render of [renderEvents, renderBatch]) {
      const records = documentsOf(render(envelope(), batchOf(pack([1.5, [], 0, 'x']))));
      expect(records).toMatchObject([
        {
          id: `${base}.EmptyBatch`,
          type: 'EmptyBatch',
          index: null,
          count: null,
          ts: null,
          batch_extra: { '#3': 'x' },
        },
      ]);
    }
  });

  it('is one Undecodable where the envelopes alone would be too large', () => {
    const events = Array(20_000).fill(cleared);
    const swollen = envelope({ topicSuffix: { x: 'y'.repeat(4_000) } });
    for (const batch of [batchWith(...events), batchOf(pack([1, events, 0, 'x'.repeat(5_000)]))]) {
      const records = documentsOf(renderEvents(swollen, batch));
      expect(records).toMatchObject([
        { id: `${base}.Undecodable`, reason: 'too_large', raw_bytes: batch.payload.length },
      ]);
    }
    expect(documentsOf(renderBatch(swollen, batchWith(...events)))).toMatchObject([{ type: 'Batch', count: 20_000 }]);
    expect(documentsOf(renderBatch(swollen, batchWith(...events.map(() => 5))))).toMatchObject([
      { reason: 'too_large' },
    ]);
  });
});

describe('one record per batch', () => {
  it('has all events that can be read; the others follow', () => {
    const records = documentsOf(renderBatch(envelope(), batchWith(cleared, 5, stored, ['StreamGap'])));
    expect(records.map(({ id, type, index, count }) => [id, type, index, count])).toEqual([
      [base, 'Batch', null, 4],
      [`${base}.1.Undecodable`, 'Undecodable', 1, 4],
      [`${base}.3.Undecodable`, 'Undecodable', 3, 4],
    ]);
    expect(records[0]?.['events']).toEqual([
      { type: 'AllBlocksCleared' },
      expect.objectContaining({ type: 'BlockStored', block_hashes: ['18446744073709551615'] }),
    ]);
    expect(records[2]).toMatchObject({ reason: 'reserved_type' });
  });

  it('is left out where no event can be read', () => {
    const records = documentsOf(renderBatch(envelope(), batchWith(5, 6)));
    expect(records.map(({ type, index }) => [type, index])).toEqual([
      ['Undecodable', 0],
      ['Undecodable', 1],
    ]);
  });
});

describe('control records', () => {
  const shown = { index: null, count: null, ts: null, data_parallel_rank: 0, seq: '42', v: 1 };

  it.each([
    [{ type: 'StreamStarted', joined: 'late', peer: '::1' } as const, 'StreamStarted', { joined: 'late', peer: '::1' }],
    [
      { type: 'StreamGap', from: 42n, to: 2n ** 64n - 1n, missing: 2n ** 64n - 42n, reason: 'no_replay' } as const,
      'StreamGap.no_replay',
      { from_seq: '42', to_seq: '18446744073709551615', missing: '18446744073709551574', reason: 'no_replay' },
    ],
    [
      { type: 'StreamRestarted', previousEpoch: 5, lastSeq: 2n ** 63n } as const,
      'StreamRestarted',
      { previous_epoch: 5, last_seq: '9223372036854775808' },
    ],
    [{ type: 'StreamRestarted', previousEpoch: 5, lastSeq: null } as const, 'StreamRestarted', { last_seq: null }],
    [
      { type: 'StreamRecovered', from: 40n, to: 2n ** 63n, recovered: 3n, durationMs: 12.5 } as const,
      'StreamRecovered',
      { from_seq: '40', to_seq: '9223372036854775808', recovered: '3', duration_ms: 12.5 },
    ],
    [{ type: 'StreamShared' } as const, 'StreamShared', {}],
  ])('%o', (control, suffix, fields) => {
    const [record] = documentsOf(renderControl(envelope(), control));
    expect(record).toMatchObject({ ...shown, ...fields, id: `${base}.${suffix}`, type: control.type });
    expect(record).not.toHaveProperty('event');
  });

  it('say null for what a stream without numbers has not, and for a rank that the id has not', () => {
    const stream = { ...envelope().stream, rank: null };
    const control = { type: 'StreamGap', from: null, to: null, missing: 3n, reason: 'sink_overflow' } as const;
    const [record] = documentsOf(renderControl(envelope({ stream, seq: null, ordinal: 'n9' }), control));
    expect(record).toMatchObject({ from_seq: null, to_seq: null, missing: '3', seq: null, data_parallel_rank: null });
    expect(record?.['id']).toMatch(/\.n9\.StreamGap\.sink_overflow$/);
  });

  it('repeat at most 64 KiB of what could not be read, and say how much there was', () => {
    const failure: Failure = { reason: 'malformed_msgpack', message: 'no', raw: Buffer.alloc(maxRawBytes + 5, 1) };
    const [record] = documentsOf(renderControl(envelope(), { type: 'Undecodable', failure }));
    expect(Buffer.from(String(record?.['raw']), 'base64')).toEqual(failure.raw.subarray(0, maxRawBytes));
    expect(record).toMatchObject({ raw_bytes: maxRawBytes + 5, id: `${base}.Undecodable` });
    expect(record).not.toHaveProperty('frame_sizes');
  });

  it('say the sizes of frames that are no message', () => {
    const failure: Failure = {
      reason: 'bad_frames',
      message: 'no',
      raw: hex('0102'),
      rawBytes: 9,
      frameSizes: [1, 8, 0],
    };
    const [record] = documentsOf(
      renderControl(envelope({ seq: null, ordinal: 'n1' }), { type: 'Undecodable', failure }),
    );
    expect(record).toMatchObject({ frame_sizes: [1, 8, 0], raw: 'AQI=', raw_bytes: 9 });
  });
});
