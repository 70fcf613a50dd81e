import { decode, ExtData, ExtensionCodec, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryBudget, MsgpackError, maxDepth } from '../../src/wire/msgpack/limits.ts';
import { readDocument } from '../../src/wire/msgpack/reader.ts';
import type { Value } from '../../src/wire/msgpack/value.ts';
import { Ext, Float, isList, isMap, RawText } from '../../src/wire/msgpack/value.ts';
import { hex, pack } from './support.ts';

function read(bytes: Buffer): Value {
  return readDocument(bytes, new MemoryBudget()).value;
}

function faultOf(bytes: Buffer): string {
  try {
    read(bytes);
  } catch (error) {
    if (error instanceof MsgpackError) return error.fault;
    throw error;
  }
  return 'none';
}

describe('integers', () => {
  it.each([
    ['00', 0],
    ['7f', 127],
    ['ff', -1],
    ['e0', -32],
    ['cc80', 128],
    ['cdffff', 65_535],
    ['ceffffffff', 4_294_967_295],
    ['cf0000000000000007', 7],
    ['cf001fffffffffffff', 9_007_199_254_740_991],
    ['cf0020000000000000', 9_007_199_254_740_992n],
    ['cf0020000000000001', 9_007_199_254_740_993n],
    ['cfffffffffffffffff', 18_446_744_073_709_551_615n],
    ['d080', -128],
    ['d18000', -32_768],
    ['d280000000', -2_147_483_648],
    ['d3ffffffffffffffff', -1],
    ['d3ffe0000000000001', -9_007_199_254_740_991],
    ['d3ffe0000000000000', -9_007_199_254_740_992n],
    ['d3ffdfffffffffffff', -9_007_199_254_740_993n],
    ['d38000000000000000', -9_223_372_036_854_775_808n],
    ['d37fffffffffffffff', 9_223_372_036_854_775_807n],
  ])('%s is exact', (bytes, value) => {
    expect(read(hex(bytes))).toBe(value);
  });
});

describe('other values', () => {
  it('are told apart from integers where they are floats', () => {
    expect(read(hex('cb3ff0000000000000'))).toEqual(new Float(1));
    expect(read(hex('ca7fc00000'))).toEqual(new Float(Number.NaN));
  });

  it('keep text that is not UTF-8 as its bytes, short or long', () => {
    expect(read(hex('a2ffc3'))).toEqual(new RawText(hex('ffc3')));
    expect(read(hex(`d928 ${'61'.repeat(39)} c3`))).toEqual(new RawText(hex(`${'61'.repeat(39)}c3`)));
    expect(read(hex('a3eda080'))).toBeInstanceOf(RawText);
  });

  it('keep text that is UTF-8, a byte order mark included', () => {
    expect(read(hex('a5efbbbfc3a4'))).toBe('\u{feff}ä');
    expect(read(Buffer.concat([hex('db 00000800'), Buffer.alloc(2048, 'ä')]))).toBe('ä'.repeat(1024));
  });

  it('are views where they are bytes', () => {
    const bytes = hex('c4020102');
    const value = read(bytes) as Buffer;
    bytes[2] = 9;
    expect([...value]).toEqual([9, 2]);
  });

  it.each(['d5ff0102', 'c702ff0102', 'c80002ff0102', 'c900000002ff0102'])(
    'are extensions, timestamps too: %s',
    (bytes) => {
      expect(read(hex(bytes))).toEqual(new Ext(-1, hex('0102')));
    },
  );
});

describe('maps', () => {
  it('keep __proto__, integers, nil, bytes and lists as keys', () => {
    const map = read(hex('85 a95f5f70726f746f5f5f 01 05 02 c0 03 c40101 04 9101 05'));
    expect([...(map as ReadonlyMap<Value, Value>)]).toEqual([
      ['__proto__', 1],
      [5, 2],
      [null, 3],
      [hex('01'), 4],
      [[1], 5],
    ]);
  });

  it('let the last of equal keys win, whatever the key', () => {
    const map = read(hex('86 a161 01 c40101 02 05 03 a161 04 c40101 05 05 06')) as ReadonlyMap<Value, Value>;
    expect([...map.values()]).toEqual([4, 5, 6]);
  });
});

describe('limits', () => {
  it.each([
    ['nothing', ''],
    ['a list longer than the message', 'dd01ffffff'],
    ['a map longer than the message', 'df01ffffff'],
    ['lists that together announce more than there is', '92 93010101 94010101'],
    ['text that is cut', 'a5616263'],
    ['bytes that are cut', 'c6ffffffff00'],
    ['an extension that is cut', 'd80001'],
    ['a number that is cut', 'cf00'],
    ['a length that is cut', 'dc00'],
    ['the byte that means nothing', 'c1'],
  ])('refuse %s', (_, bytes) => {
    expect(faultOf(hex(bytes))).toBe('malformed_msgpack');
  });

  it('refuse what follows the document', () => {
    expect(faultOf(hex('9000'))).toBe('trailing_bytes');
  });

  it(`allow ${maxDepth} levels and no more`, () => {
    expect(faultOf(hex(`${'91'.repeat(maxDepth - 1)}90`))).toBe('none');
    expect(faultOf(hex(`${'91'.repeat(maxDepth)}90`))).toBe('too_deep');
    expect(faultOf(hex(`${'8100'.repeat(maxDepth - 1)}80`))).toBe('none');
    expect(faultOf(hex(`${'8100'.repeat(maxDepth)}80`))).toBe('too_deep');
    expect(faultOf(hex('91'.repeat(1_000_000)))).toBe('too_deep');
  });

  it('refuse what would take gigabytes although every length is true', () => {
    const bytes = Buffer.concat([hex('dd 00ffffff'), Buffer.alloc(0xff_ffff, 0x80)]);
    expect(faultOf(bytes)).toBe('too_large');
  });
});

describe('offsets', () => {
  it('tell where each element of a list directly inside the outermost container is', () => {
    const bytes = hex('93 01 93 9101 a3616263 8101c0 90');
    const { value, offsets } = readDocument(bytes, new MemoryBudget());
    const [, list, empty] = value as readonly Value[];
    expect(offsets.get(list ?? null)).toEqual([3, 5, 9, 12]);
    expect(offsets.get(empty ?? null)).toEqual([13]);
  });
});

/** Keeps the timestamp as bytes like any other extension. */
class OpaqueExtensions extends ExtensionCodec<undefined> {
  override decode(data: Uint8Array, type: number): ExtData {
    return new ExtData(type, data);
  }
}

/** Our values in the shape that @msgpack/msgpack gives them, as far as it can. */
function plain(value: Value): unknown {
  if (value instanceof Float) return value.value;
  if (value instanceof Ext) return new ExtData(value.type, new Uint8Array(value.data));
  if (Buffer.isBuffer(value)) return new Uint8Array(value);
  if (isList(value)) return value.map(plain);
  if (isMap(value)) return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]));
  return value;
}

/** It gives every 64-bit integer as bigint; ours are numbers where that is exact. */
function numbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(numbers);
  if (value === null || typeof value !== 'object' || value instanceof ExtData) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, numbers(item)]));
}

const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.double(),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }),
);

const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 40 }),
    fc.dictionary(
      fc.string({ maxLength: 40 }).filter((key) => key !== '__proto__'),
      tie('value'),
    ),
  ),
})).value;

describe('against @msgpack/msgpack', () => {
  it('reads every document that it can express to the same value', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const bytes = pack(value);
        expect(plain(read(bytes))).toEqual(numbers(decode(bytes, { useBigInt64: true })));
      }),
      { numRuns: 500 },
    );
  });

  it('accepts exactly the bytes that it accepts', () => {
    const accepted = (bytes: Buffer): boolean => {
      try {
        decode(bytes, { useBigInt64: true, rawStrings: true, extensionCodec: new OpaqueExtensions() });
        return true;
      } catch {
        return false;
      }
    };
    // No maps: their keys are where the two differ on purpose.
    const byte = fc
      .integer({ min: 0, max: 255 })
      .filter((b) => (b & 0xf0) !== 0x80 && b !== 0xde && b !== 0xdf && b !== 0xdd);
    fc.assert(
      fc.property(fc.array(byte, { minLength: 1, maxLength: 12 }), (list) => {
        const bytes = Buffer.from(list);
        expect(faultOf(bytes) === 'none').toBe(accepted(bytes));
      }),
      { numRuns: 5_000 },
    );
  });

  it('reads an integer to the same value from 64 bits as from fewer', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 31n), max: 2n ** 32n - 1n }), (number) => {
        const wide = Buffer.from(encode(number, { useBigInt64: true }));
        expect(wide).toHaveLength(9);
        expect(read(wide)).toBe(Number(number));
        expect(read(pack(Number(number)))).toBe(Number(number));
      }),
    );
  });
});
