import { describe, expect, it } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import { batch, deadline, laneOf, PlayedSink, settle, transient } from './support.ts';

const never = deadline().signal;

describe('a lane', () => {
  it('writes in order, batched up to its limits', async () => {
    const sink = new PlayedSink();
    const { lane } = laneOf(sink, { maxBatchRecords: 2 });
    for (const seq of [1, 2, 3]) expect(lane.push(batch(seq))).toBeUndefined();
    lane.start(() => undefined);
    await settle();
    expect(sink.writes).toEqual([['#1', '#2'], ['#3']]);
  });

  it('bounds a write in bytes and sends one larger batch alone', async () => {
    const sink = new PlayedSink();
    const { lane } = laneOf(sink, { maxBatchBytes: 250 });
    for (const [seq, size] of [
      [1, 100],
      [2, 100],
      [3, 100],
      [4, 900],
      [5, 100],
    ] as const)
      void lane.push(batch(seq, size));
    lane.start(() => undefined);
    await settle();
    expect(sink.writes).toEqual([['#1', '#2'], ['#3'], ['#4'], ['#5']]);
  });

  it('writes at once what comes after a pause', async () => {
    const sink = new PlayedSink();
    const { lane } = laneOf(sink, { linger: 50 });
    lane.start(() => undefined);
    await settle();
    for (const seq of [1, 2]) {
      void lane.push(batch(seq));
      await settle();
    }
    expect(sink.writes).toEqual([['#1'], ['#2']]);
  });

  it('takes along what other engines have sent at the same time, which the same turn of the event loop reads', async () => {
    const sink = new PlayedSink();
    const { lane } = laneOf(sink);
    lane.start(() => undefined);
    await settle();
    const bothRead = new Promise<void>((resolve) => {
      // Two sockets are two callbacks; what the first one wakes runs in between.
      setImmediate(() => void lane.push(batch(1)));
      setImmediate(() => resolve(void lane.push(batch(2))));
    });
    await bothRead;
    await settle();
    expect(sink.writes).toEqual([['#1', '#2']]);
  });

  it.each([
    { what: 'bytes', batches: 1, size: 20_000 },
    { what: 'records', batches: 64, size: 100 },
  ])('does not wait for others where there are enough $what for a write', async ({ batches, size }) => {
    const sink = new PlayedSink();
    const { lane } = laneOf(sink, { maxBatchRecords: 1_000 });
    lane.start(() => undefined);
    await settle();
    for (let seq = 1; seq <= batches; seq += 1) void lane.push(batch(seq, size));
    for (let hop = 0; hop < 20; hop += 1) await Promise.resolve();
    expect(sink.writes.map(({ length }) => length)).toEqual([batches]);
  });

  it('lets a write linger where more has come during the last one, but not once it is full', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane, clock } = laneOf(sink, { linger: 50, maxBatchRecords: 30 });
    lane.start(() => undefined);
    await settle();
    const push = (from: number, to: number) => {
      for (let seq = from; seq <= to; seq += 1) void lane.push(batch(seq));
      return settle();
    };
    // Enough for the next tenth of a second to be one of a load.
    await push(1, 1);
    await push(2, 25);
    await clock.pass(100);
    await push(26, 26);
    await sink.confirm();
    expect(sink.writes.map(({ length }) => length)).toEqual([1]);
    await clock.pass(50);
    expect(sink.writes.map(({ length }) => length)).toEqual([1, 25]);
    await push(27, 55);
    await sink.confirm();
    expect(sink.writes).toHaveLength(2);
    await push(56, 56);
    expect(sink.writes.map(({ length }) => length)).toEqual([1, 25, 30]);
  });

  it('does not let it linger where little is likely to come meanwhile', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane, clock } = laneOf(sink, { linger: 50 });
    lane.start(() => undefined);
    for (let seq = 1; seq <= 19; seq += 1) {
      void lane.push(batch(seq));
      await settle();
    }
    await clock.pass(100);
    void lane.push(batch(20));
    await sink.confirm();
    // 19 in a tenth of a second are fewer than 10 in half of it.
    expect(sink.writes.map(({ length }) => length)).toEqual([1, 19]);
  });

  it('does not linger when the lane is full, which no write can become larger in', async () => {
    for (const whenFull of ['block', 'drop'] as const) {
      const sink = new PlayedSink();
      const { lane } = laneOf(sink, { linger: 50, laneBytes: 1_700, whenFull });
      lane.start(() => undefined);
      for (const seq of [1, 2, 3]) void lane.push(batch(seq));
      await settle();
      expect(sink.writes[0], whenFull).toEqual(['#1', '#2']);
    }
  });

  it('connects before it writes, and tries again for ever', async () => {
    const sink = new PlayedSink();
    sink.connectError = transient();
    const { lane, clock, facts } = laneOf(sink);
    lane.start(() => undefined);
    void lane.push(batch(1));
    for (let attempt = 0; attempt < 20; attempt++) await clock.pass(1_000);
    expect(sink.connects).toBe(20);
    expect(sink.writes).toEqual([]);
    sink.connectError = undefined;
    await clock.pass(1_000);
    expect(sink.writes).toEqual([['#1']]);
    expect(facts.filter(({ fact }) => fact === 'sink-down')).toHaveLength(1);
    expect(facts.filter(({ fact }) => fact === 'sink-up')).toHaveLength(1);
  });

  it('sends again only what was not surely written', async () => {
    const sink = new PlayedSink();
    const { lane, clock } = laneOf(sink);
    for (const seq of [1, 2, 3]) void lane.push(batch(seq));
    sink.answer = transient(2);
    lane.start(() => undefined);
    await settle();
    sink.answer = 'confirm';
    await clock.pass(100);
    expect(sink.writes).toEqual([['#1', '#2', '#3'], ['#3']]);
  });

  it('doubles the pause up to its limit and starts small again after a success', async () => {
    const sink = new PlayedSink();
    sink.answer = transient();
    const { lane, clock, facts } = laneOf(sink, { retryInitial: 100, retryMax: 400 });
    lane.start(() => undefined);
    void lane.push(batch(1));
    await settle();
    for (let attempt = 0; attempt < 4; attempt++) await clock.pass(400);
    sink.answer = 'confirm';
    await clock.pass(400);
    sink.answer = transient();
    void lane.push(batch(2));
    await settle();
    const delays = facts.flatMap((fact) => (fact.fact === 'sink-retry' ? [fact.delay] : []));
    expect(delays).toEqual([100, 200, 400, 400, 400, 100]);
  });

  it('keeps the records when a sink breaks its contract and throws something else', async () => {
    const sink = new PlayedSink();
    sink.answer = new Error('a defect');
    const { lane, clock, facts } = laneOf(sink);
    lane.start(() => undefined);
    void lane.push(batch(1));
    await settle();
    expect(facts).toContainEqual(
      expect.objectContaining({ fact: 'sink-down', code: 'UNCLASSIFIED', message: 'a defect' }),
    );
    sink.answer = 'confirm';
    await clock.pass(100);
    expect(sink.writes).toEqual([['#1'], ['#1']]);
  });

  it('counts a dead letter as settled but not as delivered', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane, facts } = laneOf(sink);
    lane.start(() => undefined);
    for (const seq of [1, 2, 3]) void lane.push(batch(seq));
    await settle();
    await sink.confirm(1);
    expect(facts).toContainEqual(expect.objectContaining({ fact: 'delivered', records: 2 }));
    expect(facts.at(-1)).toMatchObject({ fact: 'lane', bytes: 0, records: 0 });
  });
});

describe('a full lane that blocks', () => {
  it('makes the pusher wait until a write is confirmed, and loses nothing', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane } = laneOf(sink, { laneBytes: 1_700 });
    lane.start(() => undefined);
    expect(lane.push(batch(1))).toBeUndefined();
    expect(lane.push(batch(2))).toBeUndefined();
    const wait = lane.push(batch(3));
    expect(wait).toBeInstanceOf(Promise);
    await settle();
    sink.answer = 'confirm';
    await sink.confirm();
    await wait;
    await lane.finish(never);
    expect(sink.writes.flat()).toEqual(['#1', '#2', '#3']);
  });

  it('passes a batch that is larger than the whole lane, alone', async () => {
    const sink = new PlayedSink();
    const { lane } = laneOf(sink, { laneBytes: 1_200 });
    expect(lane.push(batch(1, 5_000))).toBeUndefined();
    expect(lane.push(batch(2))).toBeInstanceOf(Promise);
    lane.start(() => undefined);
    await lane.finish(never);
    expect(sink.writes.flat()).toEqual(['#1', '#2']);
  });
});

describe('a full lane that drops', () => {
  it('says in the data which numbers are missing, before anything later', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane, facts } = laneOf(sink, { laneBytes: 1_700, whenFull: 'drop' });
    lane.start(() => undefined);
    for (let seq = 1; seq <= 7; seq++) expect(lane.push(batch(seq))).toBeUndefined();
    await settle();
    sink.answer = 'confirm';
    await sink.confirm();
    void lane.push(batch(8));
    await lane.finish(never);
    expect(sink.writes.flat()).toEqual(['#1', '#2', 'StreamGap 3..7 sink_overflow', '#8']);
    expect(facts.filter(({ fact }) => fact === 'dropped')).toHaveLength(5);
  });

  it('says it also when nothing later comes', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane } = laneOf(sink, { laneBytes: 900, whenFull: 'drop' });
    lane.start(() => undefined);
    for (const seq of [1, 2, 3]) void lane.push(batch(seq));
    await settle();
    sink.answer = 'confirm';
    await sink.confirm();
    expect(sink.writes.flat()).toEqual(['#1', 'StreamGap 2..3 sink_overflow']);
  });

  it('keeps the control records that no gap accounts for, in their place', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane, facts } = laneOf(sink, { laneBytes: 900, whenFull: 'drop' });
    lane.start(() => undefined);
    const mark = (seq: number) => ({ ...batch(seq), covers: null });
    for (const one of [batch(1), batch(2), mark(70), batch(0, 100, 2), mark(71), mark(72)]) void lane.push(one);
    await settle();
    sink.answer = 'confirm';
    await sink.confirm();
    await lane.finish(never);
    expect(sink.writes.flat()).toEqual([
      '#1',
      'StreamGap 2..2 sink_overflow',
      '#70',
      'StreamGap 0..0 sink_overflow',
      '#71',
      '#72',
    ]);
    expect(facts.filter(({ fact }) => fact === 'dropped')).toHaveLength(2);
  });

  it('keeps the incarnations of a publisher apart', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane } = laneOf(sink, { laneBytes: 900, whenFull: 'drop' });
    lane.start(() => undefined);
    for (const [seq, epoch] of [
      [5, 1],
      [6, 1],
      [7, 1],
      [0, 2],
      [1, 2],
    ] as const)
      void lane.push(batch(seq, 100, epoch));
    await settle();
    sink.answer = 'confirm';
    await sink.confirm();
    expect(sink.writes.flat()).toEqual(['#5', 'StreamGap 6..7 sink_overflow', 'StreamGap 0..1 sink_overflow']);
  });
});

describe('the end of a lane', () => {
  it('writes what is queued', async () => {
    const sink = new PlayedSink();
    const { lane } = laneOf(sink, { linger: 10_000 });
    lane.start(() => undefined);
    void lane.push(batch(1));
    expect(await lane.finish(never)).toBe(0);
    expect(sink.writes).toEqual([['#1']]);
  });

  it('gives up at the deadline and counts everything that is not confirmed', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane } = laneOf(sink, { laneBytes: 1_700 });
    lane.start(() => undefined);
    void lane.push(batch(1));
    await settle();
    void lane.push(batch(2));
    const blocked = lane.push(batch(3));
    const { signal, pass } = deadline();
    const left = lane.finish(signal);
    pass();
    expect(await left).toBe(3);
    await blocked;
    expect(lane.push(batch(4))).toBeUndefined();
    expect(lane.unwritten).toBe(4);
  });

  it('does not count what a write that failed after the deadline has written: it is counted as not written', async () => {
    const sink = new PlayedSink();
    sink.answer = 'wait';
    const { lane, facts } = laneOf(sink);
    lane.start(() => undefined);
    for (const seq of [1, 2]) void lane.push(batch(seq));
    await settle();
    const { signal, pass } = deadline();
    const left = lane.finish(signal);
    pass();
    expect(await left).toBe(2);
    await sink.fail(transient(1));
    expect(facts.filter(({ fact }) => fact === 'delivered')).toEqual([]);
  });

  it('does not wait for a dead sink to which there is nothing to write', async () => {
    const sink = new PlayedSink();
    sink.connectError = transient();
    const { lane } = laneOf(sink);
    lane.start(() => undefined);
    await settle();
    expect(await lane.finish(never)).toBe(0);
  });

  it('comes at once when nobody reads any more, without counting a loss', async () => {
    const sink = new PlayedSink();
    sink.answer = new SinkError({ kind: 'closed', code: 'EPIPE', message: 'the reader has gone' });
    let closed = 0;
    const { lane } = laneOf(sink);
    lane.start(() => {
      closed += 1;
    });
    void lane.push(batch(1));
    await settle();
    expect(closed).toBe(1);
    expect(lane.push(batch(2))).toBeUndefined();
    expect(await lane.finish(never)).toBe(0);
    expect(lane.unwritten).toBe(0);
  });
});
