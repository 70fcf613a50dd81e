import { describe, expect, it } from 'vitest';
import { makeProfile, payloadAt, profileHelp, topicOf } from '../../bench/load/profiles.ts';
import { isComplete, Ledger } from '../../bench/measure/ledger.ts';
import { median, medianOf, percentile } from '../../bench/measure/statistics.ts';
import { decodePayload } from '../../src/wire/decode.ts';

function profileOf(name: string) {
  const profile = makeProfile(name);
  if (profile === null) throw new Error(`no profile ${name}`);
  return profile;
}

describe('profiles', () => {
  it.each([...Object.keys(profileHelp), 'events-100', 'frame-12', 'frame-30', 'frame-65536'])(
    '%s is read by the bridge as what it claims to hold',
    (name) => {
      for (const { bytes, events } of profileOf(name).payloads) {
        const decoded = decodePayload(bytes);
        if (!decoded.ok) throw new Error(decoded.failure.message);
        const found = decoded.batch.events.map((event) => {
          if (!event.ok) throw new Error(event.failure.message);
          const { block_hashes: hashes = [], token_ids: tokens = [] } = event.fields;
          return { type: event.type, hashes, tokens };
        });
        expect(found).toEqual(events);
        expect(bytes.readDoubleBE(2)).toBe(decoded.batch.ts);
      }
    },
  );

  it('has the shares and sizes that its name stands for', () => {
    const [prefill] = profileOf('prefill8k').payloads;
    expect(prefill?.events[0]?.tokens).toHaveLength(8_192);
    expect(prefill?.events[0]?.hashes).toHaveLength(512);
    const kinds = profileOf('mixed').payloads.map(({ events: [event] }) => `${event?.type} ${event?.hashes.length}`);
    const share = (kind: string) => kinds.filter((one) => one === kind).length / kinds.length;
    expect([share('BlockStored 1'), share('BlockStored 64'), share('BlockRemoved 32')]).toEqual([0.8, 0.15, 0.05]);
  });

  it.each([256, 4_096, 65_536, 1_048_576])('makes frames of about %i bytes', (size) => {
    for (const { bytes } of profileOf(`frame-${size}`).payloads)
      expect(Math.abs(bytes.length / size - 1)).toBeLessThan(0.2);
  });

  it('does not exist under another name', () => {
    expect(makeProfile('prefill9k')).toBeNull();
  });
});

describe('statistics', () => {
  it('takes the middle, and the mean of two', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([])]).toEqual([2, 2.5, Number.NaN]);
    expect(medianOf([{ a: 5 }, { a: null }, { a: 7 }], ({ a }) => a)).toBe(6);
    expect(medianOf([{ a: null }], ({ a }) => a)).toBeNull();
  });

  it('takes percentiles by nearest rank, in whatever order', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([percentile(hundred, 0.5), percentile(hundred, 0.99), percentile(hundred, 1)]).toEqual([50, 99, 100]);
    expect(percentile([10, 9], 0.5)).toBe(9);
  });
});

describe('the completeness check', () => {
  const sent = { profile: profileOf('mixed'), streams: 2, batches: 40 };

  function records(): string[] {
    const all: string[] = [];
    for (let stream = 0; stream < sent.streams; stream += 1) {
      for (let seq = 0; seq < sent.batches; seq += 1) {
        for (const [index, { type, hashes, tokens }] of payloadAt(sent.profile, stream, seq).events.entries()) {
          const event = { block_hashes: hashes, ...(type === 'BlockStored' ? { token_ids: tokens } : {}) };
          all.push(JSON.stringify({ type, topic: topicOf(stream), seq: String(seq), index, event }));
        }
      }
    }
    return all;
  }

  function check(texts: readonly string[]) {
    const ledger = new Ledger(sent);
    for (const text of texts) ledger.take(text);
    return ledger.verdict();
  }

  it('finds nothing where everything is there once, in any order, and the stream said that it begins', () => {
    const verdict = check([...records().reverse(), '{"type":"StreamStarted","seq":"0","index":null}']);
    expect(verdict).toEqual({ expected: 80, missing: 0, doubled: 0, altered: 0, unknown: 0 });
    expect(isComplete(verdict)).toBe(true);
  });

  it('reads flat records with numbers for hashes as well', () => {
    const flat = records().map((text) => {
      const { event, seq, ...rest } = JSON.parse(text);
      return JSON.stringify({ ...rest, ...event, seq: Number(seq), block_hashes: event.block_hashes.map(Number) });
    });
    expect(isComplete(check(flat))).toBe(true);
  });

  it('finds a record that is lost', () => {
    expect(check(records().toSpliced(17, 1))).toMatchObject({ missing: 1, doubled: 0, altered: 0, unknown: 0 });
  });

  it('finds a record that is there twice', () => {
    const all = records();
    expect(check([...all, all[3] ?? ''])).toMatchObject({ missing: 0, doubled: 1, altered: 0, unknown: 0 });
  });

  it.each([
    ['hash', (text: string) => text.replace(/"block_hashes":\["(\d)/, '"block_hashes":["1$1')],
    ['token', (text: string) => text.replace(/"token_ids":\[(\d)/, '"token_ids":[9$1')],
    ['type', (text: string) => text.replace('BlockStored', 'BlockRemoved')],
  ])('finds a record with another %s', (_, alter) => {
    const [first = '', ...rest] = records();
    expect(alter(first)).not.toBe(first);
    expect(check([alter(first), ...rest])).toMatchObject({ missing: 0, doubled: 0, altered: 1, unknown: 0 });
  });

  it('finds what nobody sent: a gap, a number beyond the end, a foreign topic', () => {
    const [first = ''] = records();
    const foreign = [
      '{"type":"StreamGap","topic":"kv@10.0.0.1@model","seq":"4","index":null}',
      first.replace('"seq":"0"', '"seq":"40"'),
      first.replace('10.0.0.1', '10.0.0.9'),
    ];
    const verdict = check([...records(), ...foreign]);
    expect(verdict).toMatchObject({ missing: 0, unknown: 3 });
    expect(isComplete(verdict)).toBe(false);
  });
});
