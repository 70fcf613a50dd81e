import { describe, expect, it } from 'vitest';
import { noSecurity } from '../../src/core/security.ts';
import type { RangeRequest, ReplayLimits } from '../../src/pipeline/replay-range.ts';
import { replayRange } from '../../src/pipeline/replay-range.ts';
import { sightingOf } from '../../src/pipeline/sighting.ts';
import type { Answer } from './played-replay.ts';
import { numbers, PlayedReplay, payloadOf } from './played-replay.ts';
import { FakeClock, settle } from './support.ts';

interface Options {
  readonly from?: number;
  readonly to?: number;
  /** Numbers whose payload was seen. */
  readonly known?: readonly number[];
  readonly limits?: Partial<ReplayLimits>;
  readonly answers: readonly Answer[];
}

/** Runs a recovery to its end; every pause is waited for in played time. */
function setUp({ from = 10, to = 19, known = [9, 20], limits, answers }: Options) {
  const clock = new FakeClock();
  const client = new PlayedReplay(...answers);
  const stop = new AbortController();
  const request: RangeRequest = {
    target: { endpoint: 'tcp://127.0.0.1:5558', security: noSecurity },
    from: BigInt(from),
    to: BigInt(to),
    known: new Map(known.map((seq) => [BigInt(seq), sightingOf(payloadOf(seq))])),
    signal: stop.signal,
  };
  const deps = {
    client,
    clock,
    limits: { maxBytes: 1_000_000, budget: 60_000, pause: 100, ...limits },
  };
  const got: (number | string)[] = [];
  let isOver = false;
  const reading = (async () => {
    for await (const stretch of replayRange(request, deps)) {
      if (stretch.kind === 'lost') got.push(`${stretch.reason} ${stretch.from}..${stretch.to}`);
      else if (stretch.kind === 'restarted') got.push('restarted');
      else got.push(...stretch.frames.map(({ seq }) => Number(seq)));
    }
    isOver = true;
  })();
  const run = async (step = 100) => {
    for (let turn = 0; turn < 1_000 && !isOver; turn++) {
      await settle();
      if (!isOver) await clock.pass(step);
    }
    await reading;
    return got;
  };
  return { clock, client, got, stop, run };
}

describe('a range of numbers from a replay', () => {
  it('comes in order, each once, asked for with one more than is missing', async () => {
    const { run, client } = setUp({ answers: [{ seqs: numbers(0, 30) }] });
    expect(await run()).toEqual(numbers(10, 19));
    expect(client.asked).toEqual([9]);
  });

  it('ignores numbers outside and repeated ones', async () => {
    const seqs = [3, 9, 10, 10, 11, 10, 12, 12, 13];
    const { run } = setUp({ to: 13, known: [9], answers: [{ seqs, verbatim: true }] });
    expect(await run()).toEqual(numbers(10, 13));
  });

  it('is asked for again from the first hole when the publisher dropped some, whatever its end marker says', async () => {
    const { run, client } = setUp({
      answers: [{ seqs: [9, 10, 11, 14, 15, 16] }, { seqs: [11, 12, 13, 16, 17] }, { seqs: numbers(0, 25) }],
    });
    expect(await run()).toEqual(numbers(10, 19));
    expect(client.asked).toEqual([9, 11, 16]);
  });

  it('is asked for again where the end marker never came', async () => {
    const { run, client } = setUp({ answers: [{ seqs: [9, 10, 11], end: 'idle' }, { seqs: numbers(0, 25) }] });
    expect(await run()).toEqual(numbers(10, 19));
    expect(client.asked).toEqual([9, 11]);
  });

  it('is asked for as often as each attempt brings one more', async () => {
    const oneMore = numbers(10, 39).map((seq) => ({ seqs: [seq - 1, seq], end: 'idle' as const }));
    const { run, client } = setUp({ to: 39, answers: oneMore });
    expect(await run()).toEqual(numbers(10, 39));
    expect(client.asked).toHaveLength(30);
  });

  it('is asked for five times when nothing comes, and not given up when the fifth brings it', async () => {
    const nothing = Array<Answer>(4).fill({ seqs: [], end: 'idle' });
    const { run, client } = setUp({ answers: [...nothing, { seqs: numbers(9, 25) }] });
    expect(await run()).toEqual(numbers(10, 19));
    expect(client.asked).toEqual([9, 9, 9, 9, 9]);
  });

  it('counts the five anew after every progress', async () => {
    const nothing = Array<Answer>(4).fill({ seqs: [] });
    const { run } = setUp({ answers: [...nothing, { seqs: [9, 10, 11] }, ...nothing, { seqs: numbers(9, 25) }] });
    expect(await run()).toEqual(numbers(10, 19));
  });

  it('loses exactly what the publisher no longer has, and has the rest', async () => {
    const { run, client } = setUp({ answers: [{ seqs: numbers(14, 30) }] });
    expect(await run()).toEqual(['replay_truncated 10..13', ...numbers(14, 19)]);
    expect(client.asked).toEqual([9, 9, 9, 9, 9]);
  });

  it('keeps what it has while it asks for what is before: the publisher goes on forgetting', async () => {
    const forgetful = [12, 14, 16, 18, 20].map((oldest) => ({ seqs: numbers(oldest, 30) }));
    const { run } = setUp({ answers: forgetful });
    expect(await run()).toEqual(['replay_truncated 10..11', ...numbers(12, 19)]);
  });

  it('loses all where the publisher has nothing of it', async () => {
    const { run } = setUp({ answers: [{ seqs: [] }] });
    expect(await run()).toEqual(['replay_truncated 10..19']);
  });

  it.each(['unreachable', 'idle', 'malformed'] as const)('has failed where every attempt ends as %s', async (end) => {
    const { run, client } = setUp({ answers: [{ seqs: [], end }] });
    expect(await run()).toEqual(['replay_failed 10..19']);
    expect(client.asked).toHaveLength(5);
  });

  it('has failed where another incarnation answers: nothing of it is taken', async () => {
    const payload = (seq: number) => payloadOf(seq, 1);
    const { run, client } = setUp({ answers: [{ seqs: numbers(0, 30), payload }] });
    expect(await run()).toEqual(['replay_failed 10..19']);
    expect(client.asked).toEqual([9, 20]);
  });

  it('says that the publisher has restarted where the number before is another one and that behind is not', async () => {
    const payload = (seq: number) => payloadOf(seq, seq < 20 ? 1 : 0);
    const { run, client } = setUp({
      answers: [
        { seqs: numbers(0, 30), payload },
        { seqs: numbers(20, 30), payload },
      ],
    });
    expect(await run()).toEqual(['restarted']);
    expect(client.asked).toEqual([9, 20]);
  });

  it('has failed where only the number behind the gap is another one', async () => {
    const payload = (seq: number) => payloadOf(seq, 1);
    const { run } = setUp({ known: [20], answers: [{ seqs: numbers(0, 30), payload }] });
    expect(await run()).toEqual(['replay_failed 10..19']);
  });

  it('takes nothing more from a publisher that restarts between two attempts', async () => {
    const payload = (seq: number) => payloadOf(seq, 1);
    const answers = [
      { seqs: numbers(9, 12), end: 'idle' as const },
      { seqs: numbers(0, 17), payload },
    ];
    const { run, client } = setUp({ answers });
    expect(await run()).toEqual([10, 11, 12, 'replay_failed 13..19']);
    expect(client.asked).toEqual([9, 12, 20]);
  });

  it('is proven by the number behind it where the answers had no known one', async () => {
    const { run, client } = setUp({
      known: [20],
      answers: [{ seqs: [10, 11] }, { seqs: numbers(20, 30) }, { seqs: numbers(0, 30) }],
    });
    expect(await run()).toEqual(numbers(10, 19));
    expect(client.asked).toEqual([10, 20, 11]);
  });

  it('has failed where the publisher never reached the number behind it: it began anew', async () => {
    const payload = (seq: number) => payloadOf(seq, 1);
    const { run, client } = setUp({ known: [20], answers: [{ seqs: numbers(0, 14), payload }] });
    expect(await run()).toEqual(['replay_failed 10..19']);
    expect(client.asked).toEqual([10, 20]);
  });

  it('comes in parts of bounded bytes, each followed by the next', async () => {
    const size = payloadOf(10).length;
    const { run, client } = setUp({ limits: { maxBytes: 3 * size }, answers: [{ seqs: numbers(0, 30) }] });
    expect(await run()).toEqual(numbers(10, 19));
    expect(client.asked).toEqual([9, 11, 13, 15, 17]);
  });

  it('comes even where each batch alone is larger than those bytes', async () => {
    const { run } = setUp({ limits: { maxBytes: 1 }, answers: [{ seqs: numbers(0, 30) }] });
    expect(await run()).toEqual(numbers(10, 19));
  });

  it('does not wait for what lies behind the range', async () => {
    const { run, clock } = setUp({ answers: [{ seqs: numbers(9, 20), hangs: true }] });
    const began = clock.now();
    expect(await run()).toEqual(numbers(10, 19));
    expect(clock.now()).toBe(began);
  });
});

describe('the time for a range', () => {
  it('is limited, also while an attempt runs', async () => {
    const { run, client } = setUp({ limits: { budget: 1_000 }, answers: [{ seqs: [9, 10, 11], hangs: true }] });
    expect(await run()).toEqual([10, 11, 'replay_timeout 12..19']);
    expect(client.signal?.aborted).toBe(true);
  });

  it('is limited while nothing comes', async () => {
    const { run, client } = setUp({ limits: { budget: 250 }, answers: [{ seqs: [], end: 'idle' }] });
    expect(await run(50)).toEqual(['replay_timeout 10..19']);
    expect(client.asked.length).toBeLessThan(5);
  });

  it('does not pass while what came is passed on', async () => {
    const clock = new FakeClock();
    const client = new PlayedReplay({ seqs: [9, 10, 11], end: 'idle' }, { seqs: numbers(9, 25) });
    const request = {
      ...{
        target: { endpoint: 'x', security: noSecurity },
        from: 10n,
        to: 19n,
        known: new Map(),
        signal: new AbortController().signal,
      },
    };
    const limits = { maxBytes: 1_000_000, budget: 1_000, pause: 100 };
    const got: string[] = [];
    for await (const stretch of replayRange(request, { client, clock, limits })) {
      got.push(stretch.kind);
      await clock.pass(10_000);
    }
    expect(got).toEqual(['frames', 'frames']);
  });

  it('ends with the signal', async () => {
    const { run, stop } = setUp({ answers: [{ seqs: [9, 10], hangs: true }] });
    await settle();
    stop.abort();
    expect(await run()).toEqual([10, 'replay_timeout 11..19']);
  });
});
