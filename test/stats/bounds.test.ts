import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedCounts } from '../../src/stats/bounded-counts.ts';
import { Histogram, precision } from '../../src/stats/histogram.ts';
import { Lives } from '../../src/stats/lives.ts';
import { RangeSet } from '../../src/stats/range-set.ts';
import { Reuse } from '../../src/stats/reuse.ts';

const small = fc.integer({ min: 0, max: 60 });
const ranges = fc.array(fc.tuple(small, fc.integer({ min: 0, max: 8 })), { maxLength: 40 });

function setOf(list: readonly (readonly [number, number])[]): Set<number> {
  return new Set(list.flatMap(([from, more]) => Array.from({ length: more + 1 }, (_, index) => from + index)));
}

function rangesOf(list: readonly (readonly [number, number])[], limit: number): RangeSet {
  const set = new RangeSet(limit);
  for (const [from, more] of list) set.add(BigInt(from), BigInt(from + more));
  return set;
}

describe('a set of ranges', () => {
  it('holds what a set would, and counts its holes', () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const [numbers, set] = [setOf(list), rangesOf(list, 100)];
        for (let number = 0; number < 75; number += 1) expect(set.has(BigInt(number))).toBe(numbers.has(number));
        const span = numbers.size === 0 ? 0 : Math.max(...numbers) - Math.min(...numbers) + 1;
        expect(set.holes).toBe(BigInt(span - numbers.size));
        expect(set.isApproximate).toBe(false);
      }),
    );
  });

  it('keeps numbers that follow each other as one range, in whatever order they come', () => {
    const set = new RangeSet(3);
    for (let number = 0; number < 100; number += 2)
      for (const one of [number + 1, number]) set.add(BigInt(one), BigInt(one));
    expect(set.isApproximate).toBe(false);
    expect(set.holes).toBe(0n);
  });

  it('that is full forgets no number, and says that it may hold more', () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const [numbers, set] = [setOf(list), rangesOf(list, 3)];
        for (const number of numbers) expect(set.has(BigInt(number))).toBe(true);
        if (!set.isApproximate) expect(rangesOf(list, 100).holes).toBe(set.holes);
      }),
    );
  });
});

describe('a histogram', () => {
  it('has percentiles that are at most its precision too high', () => {
    const value = fc.double({ min: 1e-3, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.9, 0.99),
        (values, share) => {
          const histogram = new Histogram();
          for (const one of values) histogram.add(one);
          const exact = values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? 0;
          const told = histogram.percentile(share) ?? 0;
          expect(told).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
          expect(told).toBeLessThanOrEqual(exact * (1 + precision) * (1 + 1e-9));
          expect(histogram.max).toBe(Math.max(...values));
        },
      ),
    );
  });
});

it('counts of names keep the first ones, and all others under one', () => {
  const counts = new BoundedCounts(2);
  for (const name of ['a', 'b', 'c', 'd', 'a']) counts.add(name);
  expect(counts.object).toEqual({ a: 2, b: 1, '(other)': 2 });
});

/** As engines make them: even numbers of 64 bits. */
const hashOf = (number: number) => String(BigInt(number) * 2_654_435_761_004n);

/** Off by at most so many standard deviations of what a sample of this size tells; hashes are the same at each run. */
function expectNear(told: number, exact: number, followed: number): void {
  expect(Math.abs(told - exact) / exact).toBeLessThan(4 / Math.sqrt(followed));
}

describe('blocks, when there are more than are followed', () => {
  const [distinct, limit] = [60_000, 4_000];

  it('reuse is told from a part of them, in bounded memory', () => {
    const reuse = new Reuse(limit);
    for (let number = 0; number < distinct; number += 1) {
      reuse.stored('m', hashOf(number), 'pod-0');
      if (number % 4 === 0) for (let pod = 1; pod < 3; pod += 1) reuse.stored('m', hashOf(number), `pod-${pod}`);
    }
    const report = reuse.report();
    const followed = report.distinct_blocks / report.one_of;
    expect(followed).toBeLessThanOrEqual(limit);
    expect(followed).toBeGreaterThan(limit / 4);
    expectNear(report.distinct_blocks, distinct, followed);
    expectNear(report.share_on_several_pods ?? 0, 0.25, followed / 4);
    expect(report.stores).toBe(distinct * 1.5);
    expect(report.pods).toBe(3);
  });

  it('a block on many pods takes the room of several', () => {
    const reuse = new Reuse(1_000);
    for (let pod = 0; pod < 200; pod += 1)
      for (let number = 0; number < 500; number += 1) reuse.stored('m', hashOf(number), `pod-${pod}`);
    const { distinct_blocks: told, one_of: weight, blocks_by_pods: byPods } = reuse.report();
    expect((told / weight) * (2 + 198 / 5)).toBeLessThanOrEqual(1_000);
    expect(Object.keys(byPods)).toEqual(['200']);
    expectNear(told, 500, told / weight);
  });

  it('lifetimes are told from a part of them', () => {
    const lives = new Lives(limit);
    const home = { stream: 's', medium: 'GPU', group: '' };
    for (let number = 0; number < distinct; number += 1) lives.stored(home, hashOf(number), 0);
    for (let number = 0; number < distinct / 2; number += 1) lives.removed(home, hashOf(number), 10 + (number % 100));
    const report = lives.report();
    const followed = report.removed / report.one_of;
    expect(report.still_stored / report.one_of).toBeLessThanOrEqual(limit);
    expectNear(report.removed, distinct / 2, followed);
    expectNear(report.seconds.p50 ?? 0, 60, followed);
  });
});

describe('lives of blocks', () => {
  const home = { stream: 's', medium: 'GPU', group: '0' };

  it('begin with the first store and end where the block is: per stream, medium and group', () => {
    const lives = new Lives(100);
    for (const [place, at] of [
      [home, 1],
      [home, 5],
      [{ ...home, medium: 'CPU' }, 3],
      [{ ...home, group: '1' }, 3],
      [{ ...home, stream: 't' }, 3],
    ] as const)
      lives.stored(place, 'h', at);
    lives.removed(home, 'h', 11);
    lives.removed(home, 'h', 12);
    lives.removed(home, 'never stored', 12);
    expect(lives.report()).toMatchObject({ removed: 1, still_stored: 3, seconds: { max: 10 } });
    lives.cleared('s', 'CPU', 23);
    expect(lives.report()).toMatchObject({ cleared: 1, still_stored: 2, seconds: { max: 20 } });
    lives.cleared('s', null, 33);
    expect(lives.report()).toMatchObject({ cleared: 2, still_stored: 1, seconds: { max: 30 } });
  });

  it('of which the end was not heard do not count', () => {
    const lives = new Lives(100);
    lives.stored(home, 'h', 1);
    lives.lost('s');
    lives.removed(home, 'h', 2);
    expect(lives.report()).toMatchObject({ removed: 0, end_unknown: 1, still_stored: 0, seconds: { max: null } });
  });
});
