import { describe, expect, it } from 'vitest';
import { hideTokens } from '../../src/wire/hide-tokens.ts';
import type { JsonObject } from '../../src/wire/json.ts';
import { prettyLine, prettyRecord } from '../../src/wire/pretty.ts';
import { eventDocument, testStream } from '../support/batches.ts';

const stream = testStream();
const record = JSON.parse(eventDocument(stream, { seq: 42, tokens: 3 })) as Record<string, unknown>;

function line(changes: object, colour = false): string {
  return prettyLine(Buffer.from(JSON.stringify({ ...record, ...changes })), colour);
}

describe('pretty lines', () => {
  it('shows time, stream, position, type and the fields of the event', () => {
    const received = new Date(Number(record['received_at']) * 1000).toISOString().slice(11, 23);
    expect(
      line({ event: { block_hashes: ['-7', '8'], parent_block_hash: null, token_ids: [1, 2, 3], medium: 'GPU' } }),
    ).toBe(
      `${received} ${stream.id} #42.0 BlockStored block_hashes=-7+1 parent_block_hash=null token_ids=[3] medium=GPU\n`,
    );
  });

  it('never shows token ids, in whatever shape they came', () => {
    const secret = 424_242;
    for (const tokens of [[secret], [[secret, secret]], `${secret}`, { $bin: `${secret}` }]) {
      const event = { token_ids: tokens, lookahead_token_ids: tokens, extra: { token_ids: tokens, more: [tokens] } };
      expect(line({ event })).not.toContain(`${secret}`);
      const batch = { type: 'Batch', index: null, events: [{ type: 'BlockStored', ...event }], event: undefined };
      expect(line(batch)).not.toContain(`${secret}`);
    }
  });

  it('shows them where they are asked for', () => {
    const shown = prettyRecord(
      { ...record, event: { token_ids: [1, 2], block_size: 2 } },
      { colour: false, tokens: true },
    );
    expect(shown).toContain(' token_ids=[1,2] block_size=2');
  });

  it('shows what was hidden before as it hides it itself', () => {
    const hidden = hideTokens(record as unknown as JsonObject);
    expect(prettyRecord(hidden, { colour: false, tokens: false })).toBe(line({}));
  });

  it('shows the fields of a control record, without the raw bytes', () => {
    const gap = {
      type: 'StreamGap',
      index: null,
      event: undefined,
      from_seq: '3',
      to_seq: '9',
      missing: '7',
      reason: 'no_replay',
    };
    expect(line(gap)).toContain('#42 StreamGap from_seq=3 to_seq=9 missing=7 reason=no_replay\n');
    expect(line({ type: 'Undecodable', event: undefined, raw: 'c2VjcmV0', raw_bytes: 6 })).toMatch(
      /Undecodable raw_bytes=6\n$/,
    );
  });

  it('shows a dash where there is no sequence number', () => {
    expect(line({ seq: null })).toContain(' #-.0 ');
  });

  it('lets nothing a publisher chose reach the terminal as a command or a second line', () => {
    const hostile = '\u001b[2J\r\n\u0007\u009b31m\u202eevil\u2028';
    const shown = line({ type: hostile, stream: hostile, event: { medium: hostile, [hostile]: 1 } }, false);
    expect(shown.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(shown).toContain('\\u001b[2J\\u000d\\u000a');
  });

  it('cuts long text', () => {
    expect(line({ event: { medium: 'x'.repeat(10_000) } }).length).toBeLessThan(300);
  });
});
