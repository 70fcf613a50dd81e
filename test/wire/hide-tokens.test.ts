import { describe, expect, it } from 'vitest';
import { hideTokens } from '../../src/wire/hide-tokens.ts';

describe('hideTokens', () => {
  it('replaces token ids by their number and keeps the order of the keys', () => {
    const hidden = hideTokens({
      type: 'BlockStored',
      event: { block_hashes: ['1'], token_ids: [7, 8, 9], lookahead_token_ids: [5], block_size: 16 },
      origin: 'live',
    });
    expect(JSON.stringify(hidden)).toBe(
      '{"type":"BlockStored","event":{"block_hashes":["1"],"token_ids_hidden":3,"lookahead_token_ids_hidden":1,"block_size":16},"origin":"live"}',
    );
  });

  it('hides in every event of a batch record, in unknown fields and in raw bytes', () => {
    const hidden = hideTokens({
      events: [
        { type: 'BlockStored', event: { token_ids: [1] } },
        {
          type: 'BlockStored',
          token_ids: [1, 2],
          extra: { new_ids: [3, { $int: '18446744073709551615' }], names: ['a'] },
        },
      ],
      batch_extra: { '#3': [[4], 'b'] },
      raw: 'gaMB',
    });
    expect(hidden).toEqual({
      events: [
        { type: 'BlockStored', event: { token_ids_hidden: 1 } },
        { type: 'BlockStored', token_ids_hidden: 2, extra: { new_ids: { hidden: 2 }, names: ['a'] } },
      ],
      batch_extra: { '#3': [{ hidden: 1 }, 'b'] },
      raw_hidden: 4,
    });
  });

  it('leaves explicit nulls and everything else alone', () => {
    const record = { event: { token_ids: null, parent_block_hash: null, extra: { list: [], text: 'x' } }, seq: '1' };
    expect(hideTokens(record)).toEqual(record);
  });
});
