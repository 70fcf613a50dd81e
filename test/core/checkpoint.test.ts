import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Position } from '../../src/core/checkpoint.ts';
import { checkpointText, comparePositions, parseCheckpoint, positionText } from '../../src/core/checkpoint.ts';

const position = fc.record<Position>({
  epoch: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  seq: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  sub: fc.integer({ min: 0, max: 999_999_999_999 }),
});

describe('a position as text', () => {
  it('sorts bytewise as positions do, up to the last number there is', () => {
    fc.assert(
      fc.property(position, position, (a, b) => {
        const order = positionText(a) < positionText(b) ? -1 : positionText(a) > positionText(b) ? 1 : 0;
        expect(Math.sign(comparePositions(a, b))).toBe(order);
      }),
      {
        examples: [
          [
            { epoch: 1, seq: 2n ** 53n, sub: 0 },
            { epoch: 1, seq: 2n ** 53n + 1n, sub: 0 },
          ],
        ],
      },
    );
  });
});

describe('a checkpoint as text', () => {
  it('is read back as it was', () => {
    const hash = fc.option(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
    const ts = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }));
    fc.assert(
      fc.property(position, ts, hash, (at, time, print) => {
        const checkpoint = { position: at, ts: time, hash: print };
        expect(parseCheckpoint(checkpointText(checkpoint))).toEqual(checkpoint);
      }),
    );
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"epoch":1}',
    '{"epoch":"1","seq":null,"sub":0}',
    '{"epoch":1,"seq":42,"sub":0}',
    '{"epoch":1,"seq":"-1","sub":0}',
    '{"epoch":1,"seq":"1","sub":0.5}',
  ])('is refused where no bridge wrote it: %s', (text) => {
    expect(parseCheckpoint(text)).toBeNull();
  });

  it('may have more members', () => {
    expect(parseCheckpoint('{"epoch":7,"seq":"0","sub":0,"ts":"x","hash":-1,"note":1}')).toEqual({
      position: { epoch: 7, seq: 0n, sub: 0 },
      ts: null,
      hash: null,
    });
  });
});
