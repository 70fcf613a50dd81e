import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputBytes, Kernel } from '../../../src/wire/fast/kernel.ts';
import { FastTranscoder } from '../../../src/wire/fast/transcoder.ts';
import { fieldKinds, slotsByType } from '../../../src/wire/fields.ts';
import { mutated } from '../mutations.ts';
import { bytesOf, capturedFrames, pack, vectors } from '../support.ts';
import { expectEqual } from './equal.ts';

const runs = Number(process.env['EQUALITY_RUNS'] ?? 3_000);
const made = Kernel.make();
if (made === null) throw new Error('there is no kernel');
const kernel = made;

/** A value of each kind that the kernel knows. */
const values: Record<string, unknown> = {
  hashes: [2n ** 64n - 1n, 7, Buffer.from('ab')],
  hash: 2n ** 63n,
  tokens: [1, 70_000, 2n ** 32n],
  integer: 16,
  text: 'GPU',
  texts: ['a', 'b'],
  list: [null, ['key', 5, [true, false]], null, []],
};

const anyText = fc.constantFrom(
  'GPU',
  '',
  'a"b',
  'a\\b',
  'a\nb',
  '\u007f',
  '\u00e9',
  'x'.repeat(40),
  ' ',
  '}',
  'type',
  'key',
);
const anyNumber = fc.oneof(
  fc.constantFrom<number | bigint>(
    0,
    127,
    128,
    -1,
    -33,
    65_536,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 64n - 1n,
    -(2n ** 63n),
  ),
  fc.nat(200_000),
);
const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { weight: 4, arbitrary: anyText },
    { weight: 4, arbitrary: anyNumber },
    fc.constantFrom(null, true, false, 1.5, Buffer.from('ab'), {}, { a: 1 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
})).value;

/** Mostly of the kind that belongs there. */
function fitting(field: string): fc.Arbitrary<unknown> {
  const arbitraries: Record<string, fc.Arbitrary<unknown>> = {
    hashes: fc.array(fc.oneof(anyNumber, fc.constant(Buffer.from('ab'))), { maxLength: 3 }),
    hash: fc.oneof(anyNumber, fc.constant(Buffer.from('ab'))),
    tokens: fc.array(anyNumber, { maxLength: 30 }),
    integer: anyNumber,
    text: anyText,
    texts: fc.array(anyText, { maxLength: 3 }),
    list: fc.array(anyValue, { maxLength: 3 }),
  };
  const right = arbitraries[fieldKinds.get(field) ?? ''] ?? anyValue;
  return fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: fc.constant(null) }, anyValue);
}

const anyType = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...slotsByType.keys()) },
  fc.constantFrom('Other', 'Block'),
);

const anyList = anyType.chain((type) => {
  const slots = slotsByType.get(type) ?? ['block_hashes'];
  const fields = fc.tuple(...slots.map(fitting), fc.constant('one too many'));
  return fc.tuple(fields, fc.nat(slots.length + 1)).map(([all, count]) => pack([type, ...all.slice(0, count)]));
});

/** As an object cannot be: with names twice, without a type, in any order. */
const anyMap = fc
  .tuple(
    anyType,
    fc.array(
      fc
        .constantFrom(...fieldKinds.keys(), 'type', 'unknown', 'TYPE')
        .chain((name) => fc.tuple(fc.constant(name), name === 'type' ? anyType : fitting(name))),
      { maxLength: 8 },
    ),
    fitting('block_hashes'),
    fc.nat(9),
  )
  .map(([type, fields, hashes, place]) => {
    const all = [
      ...fields.slice(0, place),
      ['type', type] as const,
      ['block_hashes', hashes] as const,
      ...fields.slice(place),
    ];
    const entries = place === 9 ? fields : all;
    return Buffer.concat([
      Buffer.from([0x80 + entries.length]),
      ...entries.flatMap(([name, value]) => [pack(name), pack(value)]),
    ]);
  });

const anyEvent = fc.oneof(anyList, anyMap);
/** What stands around the events: a time, and perhaps a rank. */
const heads: readonly (readonly unknown[])[] = [
  [1.5],
  [1.5, 0],
  [1.5, null],
  [1.5, 200],
  [1.5, 2 ** 40],
  [1.5, -1],
  [5],
  [1.5, 'a'],
];
const wide: readonly (readonly unknown[])[] = [
  [2n ** 41n],
  [2n ** 53n, 0],
  [2n ** 63n],
  [Number.NaN],
  [Number.POSITIVE_INFINITY, 0],
];

const parts = ([time, ...rank]: readonly unknown[], events: Buffer) => [pack(time), events, ...rank.map(pack)];

describe('events in the kernel', () => {
  it('are nearly all that JavaScript can walk of what engines send', () => {
    let fallbacks = 0;
    const inJavaScript = new FastTranscoder(() => {
      fallbacks += 1;
    }, null);
    const payloads = [...vectors(), ...capturedFrames()].map(({ frames }) => bytesOf(frames).at(-1) ?? Buffer.alloc(0));
    const known = payloads.filter((payload) => {
      fallbacks = 0;
      inJavaScript.read(payload);
      return fallbacks === 0;
    });
    expect(known.length).toBeGreaterThan(40);
    // The others have bytes or floats in their extra keys.
    expect(known.filter((payload) => kernel.walk(payload) === 0).length).toBeLessThanOrEqual(3);
  });

  it.each([...slotsByType])('know the fields of %s by their places', (type, slots) => {
    const fields = slots.map((slot) => values[fieldKinds.get(slot) ?? ''] ?? null);
    for (let count = slots.includes('block_hashes') ? 1 : 0; count <= slots.length; count += 1) {
      const event = [type, ...fields.slice(0, count)];
      expect([count, kernel.walk(pack([1.5, [event]]))]).toEqual([count, 1]);
    }
  });

  it.each([...fieldKinds])('know the field %s by its name, and as nil', (field, kind) => {
    const walked = (value: unknown) =>
      kernel.walk(pack([1.5, [{ type: 'BlockStored', block_hashes: [], [field]: value }], 0]));
    const isKnown = kind === 'metadata' ? 0 : 1;
    expect(walked(values[kind])).toBe(isKnown);
    expect(walked(null)).toBe(kind === 'hashes' ? 0 : isKnown);
    expect(walked({ a: 1 })).toBe(0);
  });

  it('are written the same whatever order the names of the last event were in', () => {
    const entries = Object.entries({
      type: 'BlockStored',
      block_hashes: [1],
      block_size: 16,
      medium: 'GPU',
      lora_id: 3,
    });
    fc.assert(
      fc.property(fc.array(fc.shuffledSubarray(entries, { minLength: entries.length }), { minLength: 1 }), (orders) => {
        const payload = pack([1.5, orders.map((order) => Object.fromEntries(order))]);
        expect(kernel.walk(payload)).toBe(orders.length);
        expectEqual(payload);
      }),
    );
  });

  it('are written as the reference implementation writes them, whatever their fields hold', () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...heads, ...wide),
        (events, head) => {
          const list = Buffer.concat([Buffer.from([0x90 + events.length]), ...events]);
          const payload = Buffer.concat([Buffer.from([0x90 + head.length + 1]), ...parts(head, list)]);
          expectEqual(payload);
        },
      ),
      { numRuns: runs * 3 },
    );
  });

  it.each([
    ['as lists', ['AllBlocksCleared']],
    ['as maps', { type: 'AllBlocksCleared' }],
  ])('are left alone where those without fields would be written beyond the output, %s', (_, cleared) => {
    const fills = [
      ['BlockStored', [1], null, Array(42_960).fill(100), 16],
      ['BlockStored', [1], null, [], 16, 0, null, null, Array(28_500).fill(false)],
    ];
    for (const full of fills) {
      for (const count of [1, 120, 700]) {
        const payload = pack([1.5, [full, ...Array.from({ length: count }, () => cleared)]]);
        expect(payload.length).toBeLessThan(inputBytes);
        expectEqual(payload);
      }
    }
  });

  it('leave texts alone that are not UTF-8', () => {
    for (const byte of [0x80, 0x8f, 0x90, 0xff]) {
      const event = [...pack('BlockRemoved'), 0x90, 0xa1, byte];
      const payload = Buffer.from([...[0x92, ...pack(1.5)], ...[0x91, 0x93, ...event]]);
      expect(kernel.walk(payload)).toBe(0);
      expectEqual(payload);
    }
  });

  it('are left alone where they would not fit, or are not whole', () => {
    const removed = (count: number) => pack([1.5, Array.from({ length: count }, () => ['BlockRemoved', [1]]), 0]);
    expect(kernel.walk(removed(4_000))).toBe(4_000);
    expect(kernel.walk(pack([1.5, [['BlockStored', [1], null, Array(60_000).fill(null)]]]))).toBe(0);
    expect(kernel.walk(pack([1.5, [['BlockStored', [1], null, [1], 16, 0, 'x'.repeat(60_000)]]]))).toBe(1);
    expect(
      kernel.walk(pack([1.5, [['BlockStored', [1], null, [], 16, 0, 'GPU', null, Array(40_000).fill(null)]]])),
    ).toBe(0);
    const whole = pack([
      1.5,
      [['BlockStored', [1, 2n ** 64n - 1n], 5, [1, 300], 16, 0, 'GPU', 'lora', [null, ['a']]]],
      200,
    ]);
    expect(kernel.walk(whole)).toBe(1);
    for (let length = 0; length < whole.length; length += 1) expect(kernel.walk(whole.subarray(0, length))).toBe(0);
    expect(kernel.walk(Buffer.concat([whole, Buffer.from([0])]))).toBe(0);
  });

  it('stay within memory and are JSON, whatever bytes come', () => {
    fc.assert(
      fc.property(mutated, (parts) => {
        const bytes = parts.at(-1) ?? Buffer.alloc(0);
        const count = bytes.length > inputBytes ? 0 : kernel.walk(bytes);
        let from = kernel.start;
        for (let event = 0; event < count; event += 1) {
          const to = kernel.endOf(event);
          expect(JSON.parse(kernel.output.toString('latin1', from, to))).toBeTypeOf('object');
          expect([1, 2, 3]).toContain(kernel.typeOf(event));
          from = to;
        }
      }),
      { numRuns: runs },
    );
  });
});
