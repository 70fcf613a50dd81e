import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { observe } from '../../src/pipeline/sequence.ts';
import type { SequenceState, Verdict } from '../../src/pipeline/sequence-state.ts';

interface Seen {
  readonly seq: number | null;
  readonly payload?: number;
  readonly at?: number;
}

/** Feeds frames one second apart unless they say when; a payload is its own fingerprint, by default a unique one. */
function feed(frames: readonly (number | null | Seen)[]) {
  let state: SequenceState | undefined;
  const verdicts: Verdict[] = [];
  const epochs: number[] = [];
  frames.forEach((frame, index) => {
    const seen = typeof frame === 'object' && frame !== null ? frame : { seq: frame };
    const step = observe(state, {
      seq: seen.seq === null ? null : BigInt(seen.seq),
      fingerprint: seen.payload ?? 1000 + index,
      receivedAt: seen.at ?? 1_000_000 + index * 1000,
      origin: 'live',
    });
    state = step.state;
    verdicts.push(step.verdict);
    epochs.push(step.state.epoch);
  });
  return { kinds: verdicts.map(({ kind }) => kind), verdicts, epochs, state };
}

describe('a stream with one publisher', () => {
  it.each([
    [0, 'start'],
    [1, 'start'],
    [2, 'late'],
    [42, 'late'],
  ] as const)('that is first seen at %i has joined: %s', (first, joined) => {
    expect(feed([first]).verdicts).toEqual([{ kind: 'start', joined, missing: null }]);
  });

  it('passes numbers that follow one another', () => {
    const { verdicts } = feed([7, 8, 9]);
    expect(verdicts.slice(1)).toEqual([
      { kind: 'pass', numbered: true },
      { kind: 'pass', numbered: true },
    ]);
  });

  it('names the missing range of a gap, both ends inclusive', () => {
    expect(feed([0, 1, 5]).verdicts[2]).toEqual({ kind: 'gap', missing: { from: 2n, to: 4n } });
  });

  it('drops the same number with the same payload, and only that', () => {
    expect(feed([0, { seq: 1, payload: 5 }, { seq: 1, payload: 5 }, 2]).kinds).toEqual([
      'start',
      'pass',
      'duplicate',
      'pass',
    ]);
    expect(
      feed([
        { seq: 0, payload: 5 },
        { seq: 0, payload: 6 },
      ]).kinds,
    ).toEqual(['start', 'restart']);
  });

  it('takes a lower number for a restart under a higher epoch', () => {
    const { verdicts, epochs } = feed([0, 1, 2, 0, 1]);
    expect(verdicts[3]).toEqual({ kind: 'restart', previousEpoch: epochs[0], lastSeq: 2n, missing: null });
    expect(epochs[3]).toBeGreaterThan(epochs[2] ?? Number.POSITIVE_INFINITY);
    expect(verdicts[4]).toEqual({ kind: 'pass', numbered: true });
  });

  it('says what is missing of a new incarnation that was not heard from its beginning', () => {
    expect(feed([0, 1, 2, 3, 4, 2]).verdicts[5]).toMatchObject({ missing: { from: 0n, to: 1n } });
    // A publisher that was seen to begin at 1 has no 0.
    expect(feed([1, 2, 3, 4, 2]).verdicts[4]).toMatchObject({ missing: { from: 1n, to: 1n } });
    expect(feed([1, 2, 3, 1]).verdicts[3]).toMatchObject({ missing: null });
    expect(feed([0, 1, 2, 1]).verdicts[3]).toMatchObject({ missing: { from: 0n, to: 0n } });
  });

  it('gives a higher epoch even when the clock went back', () => {
    const { epochs } = feed([
      { seq: 3, at: 9_000_000 },
      { seq: 0, at: 5_000 },
    ]);
    expect(epochs).toEqual([9_000_000, 9_000_001]);
  });

  it('begins above the floor that a forgotten stream left', () => {
    expect(observe(undefined, { seq: 0n, fingerprint: 0, receivedAt: 100, origin: 'live' }, 5_000).state.epoch).toBe(
      5_001,
    );
  });

  it('does not take a crash loop for several publishers', () => {
    const loop = [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 0, 1, 0, 1, 2, 3, 0];
    expect(feed(loop).kinds).not.toContain('shared');
    expect(feed(loop).kinds.filter((kind) => kind === 'restart')).toHaveLength(4);
  });
});

describe('frames without a number', () => {
  it('pass unchecked', () => {
    const { verdicts } = feed([null, null]);
    expect(verdicts).toEqual([
      { kind: 'start', joined: 'unsequenced', missing: null },
      { kind: 'pass', numbered: false },
    ]);
  });

  it('leave the numbers of a numbered stream alone', () => {
    expect(feed([4, null, 5]).verdicts[2]).toEqual({ kind: 'pass', numbered: true });
  });

  it('begin a new epoch when numbers appear', () => {
    const { verdicts, epochs } = feed([null, 7, 8]);
    expect(verdicts[1]).toMatchObject({ kind: 'restart', lastSeq: null, missing: null });
    expect(epochs[1]).toBeGreaterThan(epochs[0] ?? Number.POSITIVE_INFINITY);
  });
});

describe('several publishers under one key', () => {
  it('are recognised at the third step back while the other counter goes on', () => {
    expect(feed([1000, 50, 1001, 51, 1002, 52, 1003, 53]).kinds).toEqual([
      'start',
      'restart',
      'gap',
      'restart',
      'gap',
      'shared',
      'pass',
      'pass',
    ]);
  });

  it('are recognised when they count in step', () => {
    expect(feed([5, 5, 6, 6, 7, 7]).kinds.at(-1)).toBe('shared');
  });

  it('are recognised when three of them take turns', () => {
    expect(feed([100, 200, 300, 101, 201, 301, 102, 202, 302, 103]).kinds).toContain('shared');
  });

  it('are not assumed when the steps back are more than a minute apart', () => {
    const slowly = [1000, 50, 1001, 51, 1002, 52].map((seq, index) => ({ seq, at: index * 40_000 }));
    expect(feed(slowly).kinds).not.toContain('shared');
  });

  it('become one again when the numbers have only risen for a minute', () => {
    const shared = [1000, 50, 1001, 51, 1002, 52].map((seq, index) => ({ seq, at: index * 100 }));
    const before = feed([...shared, { seq: 53, at: 59_000 }]);
    expect(before.kinds.at(-1)).toBe('pass');
    const after = feed([...shared, { seq: 53, at: 59_000 }, { seq: 54, at: 60_500 }, { seq: 55, at: 60_600 }]);
    expect(after.verdicts.slice(-2)).toEqual([
      { kind: 'restart', previousEpoch: before.state?.epoch, lastSeq: 53n, missing: null },
      { kind: 'pass', numbered: true },
    ]);
  });
});

describe('for any sequence of live frames', () => {
  const frames = fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 60 });

  const rangeOf = (missing: { from: bigint; to: bigint } | null) =>
    missing
      ? Array.from({ length: Number(missing.to - missing.from) + 1 }, (_, step) => missing.from + BigInt(step))
      : [];

  /** What the output says of each epoch: the numbers that stand in it, as records or inside gaps. */
  function account(numbers: readonly number[]) {
    const said = new Map<number, bigint[]>();
    const { verdicts, epochs } = feed(numbers);
    for (const [index, verdict] of verdicts.entries()) {
      const epoch = epochs[index] ?? 0;
      const own = verdict.kind === 'duplicate' ? [] : [BigInt(numbers[index] ?? 0)];
      const missing = rangeOf('missing' in verdict ? verdict.missing : null);
      said.set(epoch, [...(said.get(epoch) ?? []), ...missing, ...own]);
    }
    return { said, verdicts };
  }

  it('every epoch accounts for each number once, in rising order, without a hole', () => {
    fc.assert(
      fc.property(frames, (numbers) => {
        const { said, verdicts } = account(numbers);
        if (verdicts.some(({ kind }) => kind === 'shared')) return;
        for (const line of said.values()) {
          const first = line[0] ?? 0n;
          expect(line).toEqual(line.map((_, index) => first + BigInt(index)));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('epochs only rise, and rise exactly at restarts', () => {
    fc.assert(
      fc.property(frames, (numbers) => {
        const { kinds, epochs } = feed(numbers);
        epochs.forEach((epoch, index) => {
          if (index === 0) return;
          const before = epochs[index - 1] ?? 0;
          if (kinds[index] === 'restart') expect(epoch).toBeGreaterThan(before);
          else expect(epoch).toBe(before);
        });
      }),
    );
  });
});
