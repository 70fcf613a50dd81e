import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { inputBytes, Kernel } from '../../../src/wire/fast/kernel.ts';
import { kernelCode } from '../../../src/wire/fast/kernel-code.ts';
import { maxMemory } from '../../../src/wire/msgpack/limits.ts';
import { pack } from '../support.ts';
import { expectEqual, expectWalked, fallbacksSoFar } from './equal.ts';
import { anyHash, anyInteger, binary, foreign, integer, listOf, messageOf, widths } from './lists.ts';

/** `EQUALITY_RUNS=100000 npx vitest run test/wire/fast` is the long form. */
const runs = Number(process.env['EQUALITY_RUNS'] ?? 3_000) / 20;

function kernel(): Kernel {
  const made = Kernel.make();
  if (made === null) throw new Error('there is no kernel');
  return made;
}

function written(of: Kernel): string {
  const bytes = Buffer.alloc(of.written);
  of.copy(bytes, 0);
  return bytes.toString('latin1');
}

const none = listOf([]);
const repeat = (count: number, item: Buffer) => Array.from({ length: count }, () => item);

describe('the kernel', () => {
  it('is what kernel.wat compiles to', async () => {
    const parts = ['kernel.wat', 'events.wat', 'records.wat'].map(
      (part) => new URL(`../../../src/wire/fast/${part}`, import.meta.url),
    );
    const source = parts.map((part) => readFileSync(part, 'utf8')).join('\n');
    const { parseWat } = await wabt();
    const compiled = Buffer.from(parseWat('kernel.wat', `(module\n${source})`).toBinary({}).buffer);
    expect(kernelCode).toBe(compiled.toString('base64'));
  });

  it('writes what it is there for, and counts what it cost', () => {
    const of = kernel();
    const tokens = Buffer.concat([7, 300, 70_000, 2 ** 32 - 1].map((token) => pack(token)));
    of.load({ bytes: tokens, from: 0, to: tokens.length });
    expect(of.tokens(tokens.length, 4)).toBe(4);
    expect([written(of), of.read, of.spent]).toEqual(['7,300,70000,4294967295,', tokens.length, 0]);
    const hashes = Buffer.concat([pack(2n ** 64n - 1n), pack(-1), binary(Buffer.from('ff00a5', 'hex'))]);
    of.load({ bytes: hashes, from: 0, to: hashes.length });
    expect(of.hashes(hashes.length, 3)).toBe(3);
    expect([written(of), of.read]).toEqual(['"18446744073709551615","-1","0xff00a5",', hashes.length]);
    expect(of.spent).toBe(96 + 240 + 64 + 3 * 4);
  });

  it('counts integers that JSON could round', () => {
    const of = kernel();
    const tokens = Buffer.concat([2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n].map((token) => pack(token)));
    of.load({ bytes: tokens, from: 0, to: tokens.length });
    expect([of.tokens(tokens.length, 3), of.spent]).toEqual([3, 2 * 96]);
  });

  it('takes nothing that is no integer, and no byte string among tokens', () => {
    const of = kernel();
    for (let first = 0; first < 256; first += 1) {
      const bytes = Buffer.alloc(10);
      bytes[0] = first;
      const isInteger = first < 0x80 || first >= 0xe0 || (first >= 0xcc && first <= 0xd3);
      of.load({ bytes, from: 0, to: bytes.length });
      expect(of.tokens(bytes.length, 1)).toBe(isInteger ? 1 : 0);
      expect(of.hashes(bytes.length, 1)).toBe(isInteger || first === 0xc4 ? 1 : 0);
    }
  });

  it('takes nothing that is not whole, whatever stands behind it from the time before', () => {
    const of = kernel();
    const items = [
      ...[1n, -2n].flatMap((number) => widths.map(([first, width]) => integer(first, width, number))),
      binary(Buffer.alloc(40)),
      Buffer.of(5),
    ];
    for (const item of items) {
      // Behind the input there is more of what would fit.
      const before = Buffer.concat(repeat(20, Buffer.concat([item, item])));
      for (let length = 0; length < item.length; length += 1) {
        for (const loop of ['tokens', 'hashes'] as const) {
          of.load({ bytes: before, from: 0, to: before.length });
          expect([of[loop](length, 9), of.read, of.written]).toEqual([0, 0, 0]);
          of.load({ bytes: before, from: 0, to: before.length });
          expect(of[loop](item.length + length, 9)).toBe(loop === 'tokens' && item[0] === 0xc4 ? 0 : 1);
        }
      }
    }
  });

  it('stays within its memory for whatever bytes come', () => {
    const of = kernel();
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(300),
        fc.constantFrom('tokens', 'hashes'),
        (bytes, count, loop) => {
          of.load({ bytes, from: 0, to: bytes.length });
          const done = of[loop](bytes.length, count);
          expect(done).toBeLessThanOrEqual(count);
          expect(of.read).toBeLessThanOrEqual(bytes.length);
          const json: unknown[] = JSON.parse(`[${written(of).slice(0, -1)}]`);
          expect(json).toHaveLength(done);
        },
      ),
      { numRuns: runs * 20 },
    );
  });
});

describe('lists of numbers are written as the reference implementation writes them', () => {
  it('integers and byte strings of every width, in lists of every length', () => {
    const lengths = fc.oneof(fc.nat(80), fc.integer({ min: 1_000, max: 1_100 }));
    const lists = fc
      .tuple(lengths, lengths)
      .chain(([hashes, tokens]) =>
        fc.tuple(
          fc.array(anyHash, { minLength: hashes, maxLength: hashes }),
          fc.array(anyInteger, { minLength: tokens, maxLength: tokens }),
        ),
      );
    fc.assert(
      fc.property(lists, ([hashes, tokens]) => expectWalked(messageOf(listOf(hashes), listOf(tokens)))),
      { numRuns: runs },
    );
  });

  it('every value that one or two bytes hold, and those where a place is added', () => {
    const all = Array.from({ length: 65_536 }, (_, at) => integer(0xcd, 2, BigInt(at)));
    expectWalked(messageOf(listOf(all), listOf(all)));
    const near = Array.from({ length: 20 }, (_, digits) => 10n ** BigInt(digits)).flatMap((power) =>
      Array.from({ length: 400 }, (_, at) => power * BigInt(at % 10) + BigInt(at - 200)),
    );
    const sent = near.map((number) => integer(0xcf, 8, number)).concat(near.map((number) => integer(0xce, 4, number)));
    expectWalked(messageOf(listOf(sent), listOf(sent)));
  });

  it('multiples of 10^8 and 10^16 and their neighbours', () => {
    const numbers = Array.from({ length: 1_845 }, (_, at) => BigInt(at) * 10n ** 16n)
      .flatMap((upper) =>
        [0n, 1n, 10n ** 8n - 1n, 10n ** 8n, 10n ** 16n - 10n ** 8n, 10n ** 16n - 1n].map((by) => upper + by),
      )
      .filter((number) => number < 2n ** 64n);
    expectWalked(messageOf(listOf(numbers.map((number) => integer(0xcf, 8, number))), none));
    const spread = Array.from({ length: 50_000 }, (_, at) => BigInt(at) * 2_000n * 10n ** 8n);
    const around = spread.flatMap((number) => [number, number === 0n ? 0n : number - 1n]);
    expectWalked(messageOf(listOf(around.map((number) => integer(0xcf, 8, number))), none));
  });

  it('where a part of a list ends within an element', () => {
    const kinds = [
      integer(0xcd, 2, 65_535n),
      integer(0xce, 4, 123_456n),
      integer(0xcf, 8, 2n ** 63n),
      binary(Buffer.alloc(32, 0xab)),
    ];
    for (const item of kinds) {
      const count = Math.ceil((2.2 * inputBytes) / item.length);
      for (let before = 0; before < item.length; before += 1) {
        const list = listOf([...repeat(before, Buffer.of(1)), ...repeat(count, item)]);
        expectWalked(item[0] === 0xc4 ? messageOf(list, none) : messageOf(list, list));
      }
    }
  });

  it('where the room for a part is used up before its input', () => {
    for (const item of [
      Buffer.of(0x7f),
      Buffer.of(0xe0),
      binary(Buffer.alloc(0)),
      binary(Buffer.alloc(255, 1)),
      integer(0xcf, 8, -1n),
    ]) {
      const list = listOf(repeat(200_000 / item.length, item));
      expectWalked(item[0] === 0xc4 ? messageOf(list, none) : messageOf(list, list));
    }
    // The last ones before the room ends are much longer than the others.
    for (const [shorter, short, long] of [
      [25_000, Buffer.of(0x7f), integer(0xd3, 8, -(2n ** 63n))],
      [40_000, Buffer.of(0x7f), integer(0xce, 4, 123_456n)],
      [25_000, Buffer.of(0x7f), binary(Buffer.alloc(255, 1))],
    ] as const) {
      const list = listOf([...repeat(shorter, short), ...repeat(10_000, long)]);
      expectWalked(long[0] === 0xc4 ? messageOf(list, none) : messageOf(list, list));
    }
  });

  it('with something foreign at every place', () => {
    const tokens = Array.from({ length: 40 }, (_, at) => pack(at * 5_000));
    const hashes = Array.from({ length: 30 }, (_, at) =>
      at % 3 === 0 ? binary(Buffer.alloc(at)) : pack(2n ** 64n - BigInt(at) - 1n),
    );
    for (const item of foreign) {
      for (let at = 0; at <= tokens.length; at += 1) {
        expectEqual(messageOf(listOf(hashes), listOf(tokens.toSpliced(at, 0, item))));
        expectEqual(messageOf(listOf(hashes.toSpliced(at, 0, item)), listOf(tokens)));
      }
    }
  });

  it('with foreign hashes among thousands of others', () => {
    const hashes = Array.from({ length: 9_000 }, (_, at) =>
      at % 700 === 699 ? pack('text') : pack(2n ** 60n + BigInt(at)),
    );
    expectWalked(messageOf(listOf(hashes), none));
  });

  it('cut off anywhere', () => {
    const hashes = [
      binary(Buffer.alloc(32, 0xcf)),
      ...widths.flatMap(([first, width]) => repeat(2, integer(first, width, -2n))),
    ];
    const tokens = widths.flatMap(([first, width]) => repeat(5, integer(first, width, 300n)));
    const message = messageOf(listOf(hashes), listOf(tokens));
    for (let length = 0; length < message.length; length += 1) {
      // What the kernel read before must not complete the list.
      expectWalked(message);
      expectEqual(message.subarray(0, length));
    }
  });

  it('leaves to the reference implementation what costs too much memory', () => {
    const bytes = binary(Buffer.alloc(1));
    const count = Math.ceil(maxMemory / (32 + 304 + 4));
    const before = fallbacksSoFar();
    expectEqual(messageOf(listOf(repeat(count, bytes)), none));
    expect(fallbacksSoFar()).toBe(before + 2);
    expectWalked(messageOf(listOf(repeat(count - 10, bytes)), none));
  });
});
