import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/core/observer.ts';
import type { Lane } from '../../src/pipeline/lane.ts';
import { LaneGaps } from '../../src/pipeline/lane-standing.ts';
import { RecentControls } from '../../src/pipeline/recent-controls.ts';
import type { StreamEntry } from '../../src/pipeline/stream-entry.ts';
import { entryOf } from '../../src/pipeline/stream-entry.ts';
import { batch, laneOf, PlayedSink, settle } from './support.ts';

const { stream } = batch(0);

/** The stream of these tests, of which everything up to `seq` was emitted. */
function emitted(seq: number, epoch = 1): StreamEntry {
  const entry = entryOf(stream, { resume: undefined, controls: new RecentControls() }, 0);
  const { checkpoint } = batch(seq, 100, epoch);
  const state = { mode: 'numbered', epoch, last: BigInt(seq), fingerprint: 0, base: null, suspicion: null } as const;
  return { ...entry, checkpoint, state: { ...state, risingSince: 0, resumed: null } };
}

const settledIn = (lane: Lane, entry: StreamEntry) => lane.standing.settled(entry)?.seq ?? null;

const standings = (facts: readonly Fact[]) => facts.filter((fact) => fact.fact === 'lane-standing');

describe('what a lane has settled of a stream', () => {
  it('is nothing, then what was confirmed, then all', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane } = laneOf(sink, { maxBatchRecords: 2 });
    lane.start(() => undefined);
    for (const seq of [0, 1, 2]) void lane.push(batch(seq));
    await settle();
    expect(settledIn(lane, emitted(2))).toBeNull();
    await sink.confirm();
    expect(settledIn(lane, emitted(2))).toBe(1n);
    await sink.confirm();
    expect(settledIn(lane, emitted(2))).toBe(2n);
  });

  it('does not go beyond what waits at the door of a full lane', async () => {
    const { lane } = laneOf(new PlayedSink(), { laneBytes: 65_536 });
    void lane.push(batch(0, 60_000));
    void lane.push(batch(1, 60_000));
    expect(settledIn(lane, emitted(1))).toBeNull();
  });

  it('is what the sink holds already, where that is further', async () => {
    const sink = new PlayedSink();
    sink.held = new Map([[stream.id, batch(7).checkpoint]]);
    const { lane } = laneOf(sink);
    lane.start(() => undefined);
    await settle();
    expect(settledIn(lane, emitted(3))).toBe(7n);
  });

  it('stays behind what was dropped until a gap says so, and knows of the gap', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane } = laneOf(sink, { whenFull: 'drop', laneBytes: 65_536 });
    lane.start(() => undefined);
    void lane.push(batch(0, 60_000));
    await settle();
    expect(lane.standing.hasGap(emitted(0))).toBe(false);
    void lane.push(batch(1, 60_000));
    await sink.confirm();
    await settle();
    expect(settledIn(lane, emitted(1))).toBe(0n);
    await sink.confirm();
    expect(settledIn(lane, emitted(1))).toBe(1n);
    expect(lane.standing.hasGap(emitted(1))).toBe(true);
    expect(lane.standing.hasGap(emitted(1, 2))).toBe(false);
  });

  it('has a gap where the sink has lost data', async () => {
    const sink = new PlayedSink();
    sink.held = new Map([[stream.id, batch(2).checkpoint]]);
    const { lane } = laneOf(sink);
    lane.start(() => undefined);
    await settle();
    void lane.push(batch(6));
    expect(lane.standing.hasGap(emitted(6))).toBe(true);
  });

  it('is not what was left when the lane ended', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane } = laneOf(sink);
    lane.start(() => undefined);
    void lane.push(batch(0));
    await settle();
    await lane.finish(AbortSignal.abort());
    expect(settledIn(lane, emitted(0))).toBeNull();
  });
});

describe('how a lane stands', () => {
  it('says the age of the oldest batch, 0 where it is empty', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane, clock, facts } = laneOf(sink);
    lane.start(() => undefined);
    const receivedAt = clock.now();
    void lane.push({ ...batch(0), receivedAt });
    await settle();
    void lane.push({ ...batch(1), receivedAt: receivedAt + 400 });
    await clock.pass(1_000);
    lane.report();
    await sink.confirm();
    lane.report();
    await sink.confirm();
    lane.report();
    expect(standings(facts)).toMatchObject([{ lagMs: 1_000 }, { lagMs: 600 }, { lagMs: 0 }]);
  });

  it('says how long reading has waited since it last said so, while it waits as well', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane, clock, facts } = laneOf(sink, { laneBytes: 65_536 });
    lane.start(() => undefined);
    void lane.push(batch(0, 60_000));
    await settle();
    // Two readers at once wait once.
    void lane.push(batch(1, 60_000));
    void lane.push(batch(2, 60_000));
    await clock.pass(300);
    lane.report();
    await clock.pass(200);
    await sink.confirm();
    await sink.confirm();
    await clock.pass(5_000);
    lane.report();
    lane.report();
    expect(standings(facts)).toMatchObject([{ waitedMs: 300 }, { waitedMs: 200 }, { waitedMs: 0 }]);
  });
});

describe('the gaps of a lane', () => {
  it('are remembered of so many streams', () => {
    const gaps = new LaneGaps(2);
    const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ ...stream, id })) as [typeof stream, typeof stream, typeof stream];
    for (const one of [a, b, c]) gaps.add(one, 1);
    expect([a, b, c].map((one) => gaps.has(one, 1))).toEqual([false, true, true]);
  });
});
