import { describe, expect, it } from 'vitest';
import { decodePayload, maxEvents, rankKey } from '../../src/wire/decode.ts';
import { batchOf, batchWith, hex, pack } from './support.ts';

const stored = ['BlockStored', [1], null, [1, 2], 2, null];
const badHashes = { ok: false, failure: { reason: 'bad_event' } };

function failureOf(payload: Buffer) {
  const decoded = decodePayload(payload);
  return decoded.ok ? null : decoded.failure;
}

/** The fields of the only event. */
function fieldsOf(event: unknown): Record<string, unknown> {
  const [read] = batchWith(event).events;
  if (!read?.ok) throw new Error(read?.failure.message);
  return { ...read.fields };
}

describe('a payload that is no batch', () => {
  it.each([
    ['an integer', pack(5)],
    ['nil', pack(null)],
    ['a list of one', pack([1.5])],
    ['an empty list', pack([])],
    ['events that are nil', pack([1.5, null, 0])],
    ['events that are a map', pack([1.5, {}, 0])],
    ['a map without events', pack({ ts: 1.5 })],
    ['a map whose events are text', pack({ events: 'BlockStored' })],
  ])('is refused: %s', (_, payload) => {
    expect(failureOf(payload)).toMatchObject({ reason: 'not_a_batch', raw: payload });
  });

  it.each([
    ['malformed_msgpack', ''],
    ['malformed_msgpack', 'dd01ffffff'],
    ['trailing_bytes', '92cb00000000000000009000'],
    ['too_deep', `92c090${'91'.repeat(70)}`.replace('90', '91')],
  ])('is refused as %s', (reason, bytes) => {
    expect(failureOf(hex(bytes))).toMatchObject({ reason, raw: hex(bytes) });
  });

  it('is refused when it has more events than anybody sends', () => {
    expect(batchOf(pack([1, Array(maxEvents).fill(0)])).events).toHaveLength(maxEvents);
    expect(failureOf(pack([1, Array(maxEvents + 1).fill(0)]))).toMatchObject({ reason: 'too_large' });
  });
});

describe('the batch', () => {
  it('may be a list of two, three or more, or a map', () => {
    expect(batchOf(pack([1.5, [stored]]))).toMatchObject({ ts: 1.5, rank: { present: false }, extra: null });
    expect(batchOf(pack([1.5, [stored], 3]))).toMatchObject({ rank: { present: true, value: 3 }, extra: null });
    expect(batchOf(pack([1.5, [], null, 'x', [1]]))).toMatchObject({
      rank: { present: true, value: null },
      extra: { '#3': 'x', '#4': [1] },
    });
    const map = batchOf(pack({ events: [stored], ts: 2.5, data_parallel_rank: 1, version: 7 }));
    expect(map).toMatchObject({ ts: 2.5, rank: { present: true, value: 1 }, extra: { version: 7 } });
    expect(map.events).toHaveLength(1);
  });

  it('takes attn_dp_rank as its rank when there is no other', () => {
    expect(batchOf(pack({ events: [], attn_dp_rank: 2 }))).toMatchObject({ rank: { value: 2 }, extra: null, ts: null });
    expect(batchOf(pack({ events: [], attn_dp_rank: 2, data_parallel_rank: 5 }))).toMatchObject({
      rank: { value: 5 },
      extra: { attn_dp_rank: 2 },
    });
  });

  it('keeps a rank of the wrong type as extra', () => {
    expect(batchOf(pack([1, [], 'x']))).toMatchObject({ rank: { present: false }, extra: { '#2': 'x' } });
    expect(batchOf(hex('93 01 90 cb3ff0000000000000'))).toMatchObject({ rank: { present: false }, extra: { '#2': 1 } });
    expect(batchOf(pack({ events: [], data_parallel_rank: [] }))).toMatchObject({
      rank: { present: false },
      extra: { data_parallel_rank: [] },
    });
  });

  it('has ranks as text where a number would be rounded, and keys for stream ids', () => {
    const { rank } = batchOf(pack([1, [], 2n ** 64n - 1n]));
    expect(rank).toEqual({ present: true, value: '18446744073709551615' });
    expect([rank, batchOf(pack([1, [], -1])).rank].map(rankKey)).toEqual(['18446744073709551615', '-1']);
    expect([batchOf(pack([1, []])).rank, batchOf(pack([1, [], null])).rank].map(rankKey)).toEqual([null, null]);
  });

  it.each([
    [1_789_095_808_837, 'ms'],
    [1e11, 'ms'],
    [99_999_999_999, 's'],
    [1.5, 's'],
    [0, 's'],
  ])('with the time %d is in %s', (ts, tsUnit) => {
    expect(batchOf(pack([ts, []]))).toMatchObject({ ts, tsUnit, extra: null });
  });

  it.each([
    ['nil', null, null],
    ['text', 'now', 'now'],
    ['NaN', Number.NaN, { $float: 'NaN' }],
    ['infinite', Number.NEGATIVE_INFINITY, { $float: '-Infinity' }],
    ['an unsafe integer', 2n ** 63n, { $int: '9223372036854775808' }],
  ])('keeps a time that is %s as extra', (_, ts, kept) => {
    expect(batchOf(pack([ts, []]))).toMatchObject({ ts: null, tsUnit: 's', extra: { '#0': kept } });
    expect(batchOf(pack({ ts, events: [] }))).toMatchObject({ ts: null, extra: { ts: kept } });
  });
});

describe('events', () => {
  it('may be lists, maps and bytes of either in one batch', () => {
    const map = { type: 'BlockRemoved', block_hashes: [1], medium: 'GPU' };
    const { events } = batchWith(stored, map, pack(stored), pack(map));
    expect(events.map((event) => event.ok && event.encoding)).toEqual(['array', 'map', 'bin_array', 'bin_map']);
    expect(events[2]).toMatchObject({ type: 'BlockStored', fields: { block_hashes: ['1'], token_ids: [1, 2] } });
    expect(events[3]).toMatchObject({ type: 'BlockRemoved', fields: { medium: 'GPU' } });
  });

  it.each([
    ['nil', null],
    ['an integer', 5],
    ['an empty list', []],
    ['a list without a tag', [1, 2]],
    ['an empty tag', ['', [1]]],
    ['a map without type', { block_hashes: [1] }],
    ['a map whose type is no text', { type: 5, event_type: 'stored' }],
    ['an unknown event_type', { event_type: 'moved' }],
    ['bytes that are no msgpack', Buffer.from([0xc1])],
    ['bytes with something behind', Buffer.from([0x91, 0xa1, 0x58, 0])],
    ['bytes within bytes', pack(pack(stored))],
    ['empty bytes', Buffer.alloc(0)],
    ['hashes that are nil', ['BlockStored', null]],
    ['a hash that is nil', ['BlockRemoved', [1, null]]],
    ['a hash that is a list', { type: 'BlockStored', block_hashes: [[1]] }],
    ['a hash that is a float', ['BlockRemoved', [1.5]]],
  ])('that cannot be read cost no sibling: %s', (_, event) => {
    const { events } = batchWith(stored, event, stored);
    expect(events.map((read) => read.ok)).toEqual([true, false, true]);
    const raw = Buffer.isBuffer(event) ? event : pack(event);
    expect(events[1]).toMatchObject({ failure: { reason: 'bad_event', raw } });
  });

  it.each(['StreamGap', 'StreamStarted', 'Undecodable', 'EmptyBatch', 'Batch', 'DeadLetter', 'SourceRemoved'])(
    'cannot forge %s',
    (type) => {
      for (const event of [[type, [1]], { type }, pack([type])]) {
        expect(batchWith(event).events).toMatchObject([{ ok: false, failure: { reason: 'reserved_type' } }]);
      }
    },
  );

  it('with a tag that is not UTF-8 cannot be read', () => {
    expect(batchOf(hex('92 01 92 91a1ff 81a474797065a1ff')).events).toMatchObject([badHashes, badHashes]);
  });

  it('of unknown types are passed through', () => {
    expect(fieldsOf(['BlockTransferred', [3], 'GPU', 'CPU', null])).toEqual({
      block_hashes: ['3'],
      extra: { '#2': 'GPU', '#3': 'CPU', '#4': null },
    });
    expect(fieldsOf(['Ignored', 5])).toEqual({ extra: { '#1': 5 } });
    expect(fieldsOf({ type: 'BLOCK_STORED', block_hashes: null, token_ids: [[1], [2]], timestamp: 7 })).toEqual({
      token_ids: [[1], [2]],
      extra: { block_hashes: null, timestamp: 7 },
    });
  });

  it('get their type from event_type, which stays', () => {
    const { events } = batchWith({ event_type: 'stored', block_hashes: [] }, { event_type: 'removed' });
    expect(events).toMatchObject([
      { type: 'BlockStored', fields: { block_hashes: [], extra: { event_type: 'stored' } } },
      { type: 'BlockRemoved', fields: { extra: { event_type: 'removed' } } },
    ]);
  });
});

describe('fields', () => {
  it('of surplus slots and unknown keys survive', () => {
    expect(fieldsOf([...stored, 'GPU', null, null, 0, null, null, 'new', [1]])).toMatchObject({
      kv_cache_spec_sliding_window: null,
      extra: { '#12': 'new', '#13': [1] },
    });
    expect(fieldsOf(['BlockRemoved', [1], null, 0, true])).toMatchObject({ group_idx: 0, extra: { '#4': true } });
    expect(fieldsOf(['AllBlocksCleared', 7, 8])).toEqual({ extra: { '#1': 7, '#2': 8 } });
    expect(fieldsOf(['AllBlocksCleared', 'CPU'])).toEqual({ medium: 'CPU' });
    expect(fieldsOf({ type: 'AllBlocksCleared', block_hashes: 5, extra: 1 })).toEqual({
      extra: { block_hashes: 5, extra: 1 },
    });
  });

  it('of a wrong type move to extra, under their key or slot', () => {
    expect(fieldsOf(['BlockStored', [1], [], 'x', 1.5, 'gpu', 6])).toEqual({
      block_hashes: ['1'],
      extra: { '#2': [], '#3': 'x', '#4': 1.5, '#5': 'gpu', '#6': 6 },
    });
    const wrong = {
      token_ids: [1, null],
      lora_name: 5,
      extra_keys: 'x',
      metadata: [],
      component_types: [1],
      group_idx: true,
    };
    expect(fieldsOf({ type: 'BlockStored', ...wrong })).toEqual({ extra: wrong });
  });

  it('of integers refuse floats that look like one', () => {
    expect(fieldsOf({ type: 'X', block_size: 1.5 })).toEqual({ extra: { block_size: 1.5 } });
    const [event] = batchOf(hex('92 01 91 82 a474797065 a158 aa626c6f636b5f73697a65 cb3ff0000000000000')).events;
    expect(event).toMatchObject({ fields: { extra: { block_size: 1 } } });
  });

  it('may be nil, all but the hashes', () => {
    const nil = Object.fromEntries(
      'parent_block_hash token_ids lookahead_token_ids metadata component_types extra_keys mm_keys token_offset medium'
        .split(' ')
        .map((name) => [name, null]),
    );
    expect(fieldsOf({ type: 'BlockStored', ...nil })).toEqual(nil);
  });

  it('of hashes are exact: signed, unsigned, bytes and text', () => {
    const hashes = [0, -1, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n), hex('00ff'), Buffer.alloc(0), 'ab'];
    expect(fieldsOf(['BlockRemoved', hashes])['block_hashes']).toEqual([
      '0',
      '-1',
      '9007199254740993',
      '9223372036854775808',
      '18446744073709551615',
      '-9223372036854775808',
      '0x00ff',
      '0x',
      '0x6162',
    ]);
    const [event] = batchOf(hex('92 01 91 92 ac426c6f636b52656d6f766564 91 a2ffc3')).events;
    expect(event).toMatchObject({ fields: { block_hashes: ['0xffc3'] } });
  });

  it('of tokens keep their shape', () => {
    const tokens = [1, 'mm', [2, [3, 'x']], -4, 4_294_967_295];
    expect(fieldsOf({ type: 'BlockStored', token_ids: tokens })).toEqual({ token_ids: tokens });
    expect(fieldsOf({ type: 'BlockStored', token_ids: [2n ** 53n] })).toEqual({ token_ids: ['9007199254740992'] });
    expect(fieldsOf({ type: 'BlockStored', lookahead_token_ids: [[1, 2], []] })).toEqual({
      lookahead_token_ids: [[1, 2], []],
    });
    expect(fieldsOf({ type: 'BlockStored', token_ids: [[1, 1.5]] })).toEqual({ extra: { token_ids: [[1, 1.5]] } });
  });

  it('of slot 7 depend on what is there', () => {
    const slot7 = (value: unknown) => {
      const { block_hashes, parent_block_hash, token_ids, block_size, lora_id, medium, ...rest } = fieldsOf([
        ...stored,
        null,
        value,
      ]);
      return rest;
    };
    expect(slot7('adapter')).toEqual({ lora_name: 'adapter' });
    expect(slot7(null)).toEqual({ lora_name: null });
    expect(slot7(['full', 'swa'])).toEqual({ component_types: ['full', 'swa'] });
    expect(slot7([['x']])).toEqual({ extra: { '#7': [['x']] } });
    expect(slot7(5)).toEqual({ extra: { '#7': 5 } });
    expect(slot7({ cache_salt: 's', session_id: 5, other: 1 })).toEqual({
      metadata: { cache_salt: 's', session_id: 5, other: 1 },
      cache_salt: 's',
    });
  });

  it('promoted from metadata never replace those given', () => {
    const metadata = { cache_salt: 'inner', session_id: 'inner' };
    expect(fieldsOf({ type: 'BlockStored', metadata, cache_salt: 'own', session_id: 7 })).toEqual({
      metadata,
      cache_salt: 'own',
      extra: { session_id: 7 },
    });
  });

  it('are in the order of the wire, extra last', () => {
    const event = { new: 1, medium: 'GPU', type: 'BlockStored', block_size: 4, block_hashes: [1] };
    expect(Object.keys(fieldsOf(event))).toEqual(['medium', 'block_size', 'block_hashes', 'extra']);
  });
});

describe('data of any type', () => {
  it('has tags where JSON cannot carry it', () => {
    const extra = [2n ** 60n, 2 ** 53 - 1, hex('0aff'), Number.NaN, 1.5, [null, true], { $a: 1, b: hex('00') }];
    expect(fieldsOf({ type: 'X', any: extra })['extra']).toEqual({
      any: [
        { $int: '1152921504606846976' },
        9_007_199_254_740_991,
        { $bin: '0aff' },
        { $float: 'NaN' },
        1.5,
        [null, true],
        {
          $map: [
            ['$a', 1],
            ['b', { $bin: '00' }],
          ],
        },
      ],
    });
  });

  it('keeps extensions, invalid text and keys that are no text', () => {
    const [event] = batchOf(hex('92 01 91 83 a474797065 a158  07 d5ff0102  a1ff a2c328')).events;
    expect(event).toMatchObject({
      fields: {
        extra: {
          $map: [
            [7, { $ext: [-1, '0102'] }],
            [{ $bin: 'ff' }, { $bin: 'c328' }],
          ],
        },
      },
    });
  });

  it('has __proto__ as a key like any other, and nothing is polluted', () => {
    const [event] = batchOf(hex('92 01 91 82 a474797065 a158  a95f5f70726f746f5f5f 81 a178 01')).events;
    if (!event?.ok) throw new Error('bad event');
    expect(JSON.stringify(event.fields)).toBe('{"extra":{"__proto__":{"x":1}}}');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
