import { describe, expect, it } from 'vitest';
import type { Answer } from './played-replay.ts';
import { numbers, PlayedReplay, payloadOf } from './played-replay.ts';
import { brief, recoveryOf } from './recovery-support.ts';
import { settle } from './support.ts';

/** The id behind stream and epoch. */
const placeOf = ({ id }: Record<string, unknown>) => /@\d+\.([^@]+)$/.exec(String(id))?.[1];
const hangs: Answer = { seqs: [], hangs: true };

describe('a gap', () => {
  it('is filled before what came behind it, each number once, and that is said', async () => {
    const client = new PlayedReplay({ seqs: numbers(0, 30) });
    const { send, records } = recoveryOf(client);
    await send(0, 1, 4, 5, 6);
    expect(records().map(brief)).toEqual(['Started start', '0', '1', '2r', '3r', 'Recovered 2..3 2', '4', '5', '6']);
    expect(client.asked).toEqual([1]);
  });

  it('holds its stream while the publisher is asked, and lets the others go on', async () => {
    const client = new PlayedReplay(hangs);
    const { send, records, stop } = recoveryOf(client);
    await send(0, 3, 4);
    await send({ seq: 0, topic: 'other' }, { seq: 1, topic: 'other' });
    expect(records().map(brief)).toEqual(['Started start', '0', 'Started start', '0', '1']);
    await stop();
    expect(records().map(brief).slice(5)).toEqual(['Gap 1..2 replay_timeout', '3', '4']);
  });

  it('among the held frames is the next one to be filled', async () => {
    const client = new PlayedReplay({ seqs: numbers(0, 30) });
    const { feed, send, records } = recoveryOf(client);
    client.onAsked = (from) => {
      if (from === 0) feed.push(4, 7, 8);
    };
    await send(0, 2, 3);
    await settle();
    const expected = ['Recovered 1..1 1', '2', '3', '4', '5r', '6r', 'Recovered 5..6 2', '7', '8'];
    expect(records().map(brief)).toEqual(['Started start', '0', '1r', ...expected]);
    expect(client.asked).toEqual([0, 4]);
  });

  it('that is filled in part leaves one StreamGap with the exact range where it stays', async () => {
    const { send, records, clock } = recoveryOf(new PlayedReplay({ seqs: [0, 1, 4, 5, 8] }));
    await send(0, 8, 9);
    for (let pause = 0; pause < 20; pause++) await clock.pass(100);
    const gaps = ['Gap 2..3 replay_truncated', '4r', '5r', 'Recovered 1..7 3', 'Gap 6..7 replay_truncated'];
    expect(records().map(brief)).toEqual(['Started start', '0', '1r', ...gaps, '8', '9']);
  });

  it('that another incarnation answers is a gap, and nothing of it comes', async () => {
    const payload = (seq: number) => payloadOf(seq, 1);
    const { send, records } = recoveryOf(new PlayedReplay({ seqs: numbers(0, 30), payload }));
    await send(0, 1, 4, 5);
    expect(records().map(brief)).toEqual(['Started start', '0', '1', 'Gap 2..3 replay_failed', '4', '5']);
  });

  it('is not filled with batches that name another rank', async () => {
    const payload = (seq: number) => (seq === 1 ? payloadOf(seq, 0, 3) : payloadOf(seq));
    const { send, records } = recoveryOf(new PlayedReplay({ seqs: numbers(0, 30), payload }));
    await send(0, 3, 4);
    const expected = ['Gap 1..1 replay_failed', '2r', 'Recovered 1..2 1', '3', '4'];
    expect(records().map(brief)).toEqual(['Started start', '0', ...expected]);
    expect(new Set(records().map(({ stream }) => stream)).size).toBe(1);
  });

  it('is filled with what cannot be read as well, in its place, whatever ranks the topic has', async () => {
    const garbage = Buffer.from('c1', 'hex');
    const payload = (seq: number) => (seq === 2 ? garbage : payloadOf(seq));
    const { send, records } = recoveryOf(new PlayedReplay({ seqs: numbers(0, 30), payload }));
    await send({ seq: 0, rank: 1 }, 0, 1, 3);
    const expected = ['0', '1', 'Undecodable 2r', 'Recovered 2..2 1', '3'];
    expect(records().map(brief).slice(3)).toEqual(expected);
  });

  it('behind a frame that was too large is filled: the publisher repeats that one', async () => {
    const large = Buffer.alloc(2_000_000);
    const payload = (seq: number) => (seq === 1 ? large : payloadOf(seq));
    const { send, records } = recoveryOf(new PlayedReplay({ seqs: numbers(0, 30), payload }));
    await send(0, { seq: 1, payload: large }, 3);
    expect(records().map(brief).slice(1)).toEqual(['0', 'Undecodable 1', '2r', 'Recovered 2..2 1', '3']);
  });

  it('is only recorded where nobody can be asked', async () => {
    const client = new PlayedReplay({ seqs: numbers(0, 30) });
    const { send, records } = recoveryOf(client, { endpoint: null });
    await send(0, 3);
    expect(records().map(brief)).toEqual(['Started start', '0', 'Gap 1..2 no_replay', '3']);
    expect(client.asked).toEqual([]);
  });
});

describe('positions in a stream', () => {
  it('never fall, so that consumers may remember the last one', async () => {
    const { send, records, clock } = recoveryOf(new PlayedReplay({ seqs: [0, 1, 4, 5, 8] }));
    await send(0, 8, 9);
    for (let pause = 0; pause < 20; pause++) await clock.pass(100);
    const positions = records().map((record) => Number.parseInt(placeOf(record) ?? '', 10));
    expect(Math.max(...positions)).toBe(9);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  });

  it('never fall after a restart whose beginning stays missing', async () => {
    const { send, records, clock } = recoveryOf(new PlayedReplay({ seqs: [], end: 'unreachable' }));
    await send(...numbers(0, 9), { seq: 2, payload: payloadOf(2, 1) });
    for (let pause = 0; pause < 10; pause++) await clock.pass(100);
    const since = records().slice(11);
    expect(since.map(placeOf)).toEqual(['0.StreamRestarted', '0.StreamGap.replay_failed', '2.0']);
  });
});

describe('a late join', () => {
  it('begins with the oldest batch that the publisher has, without a gap', async () => {
    const { send, records, clock, facts } = recoveryOf(new PlayedReplay({ seqs: numbers(5, 30) }));
    await send(8, 9);
    for (let pause = 0; pause < 10; pause++) await clock.pass(100);
    expect(records().map(brief)).toEqual(['Started late', '5r', '6r', '7r', 'Recovered 5..7 3', '8', '9']);
    expect(facts).toContainEqual(expect.objectContaining({ fact: 'replay', outcome: 'complete', recovered: 3n }));
  });

  it('is a start where that is the first one', async () => {
    const { send, records } = recoveryOf(new PlayedReplay({ seqs: numbers(0, 30) }));
    await send(2);
    expect(records().map(brief)).toEqual(['Started start', '0r', '1r', 'Recovered 0..1 2', '2']);
  });

  it('at number 1 asks for 0, which only some publishers have', async () => {
    const has = recoveryOf(new PlayedReplay({ seqs: numbers(0, 9) }));
    await has.send(1);
    expect(has.records().map(brief)).toEqual(['Started start', '0r', 'Recovered 0..0 1', '1']);
    const hasNot = recoveryOf(new PlayedReplay({ seqs: numbers(1, 9) }));
    await hasNot.send(1);
    for (let pause = 0; pause < 10; pause++) await hasNot.clock.pass(100);
    expect(hasNot.records().map(brief)).toEqual(['Started start', '1']);
  });

  it('is a late one without a gap where nobody answers', async () => {
    const { send, records, clock } = recoveryOf(new PlayedReplay({ seqs: [], end: 'unreachable' }));
    await send(8);
    for (let pause = 0; pause < 10; pause++) await clock.pass(100);
    expect(records().map(brief)).toEqual(['Started late', '8']);
  });
});

describe('a restart whose beginning is missing', () => {
  const payload = (seq: number) => payloadOf(seq, 1);

  it('is said first, then filled', async () => {
    const { send, records } = recoveryOf(new PlayedReplay({ seqs: numbers(0, 9), payload }));
    await send(...numbers(0, 9), { seq: 2, payload: payload(2) });
    const expected = ['Restarted 9', '0r', '1r', 'Recovered 0..1 2', '2'];
    expect(records().map(brief).slice(11)).toEqual(expected);
    expect(
      new Set(
        records()
          .slice(11)
          .map(({ epoch }) => epoch),
      ).size,
    ).toBe(1);
  });

  it('is said before the gap that stays', async () => {
    const { send, records, clock } = recoveryOf(new PlayedReplay({ seqs: [], end: 'unreachable' }));
    await send(...numbers(0, 9), { seq: 2, payload: payload(2) });
    for (let pause = 0; pause < 10; pause++) await clock.pass(100);
    expect(records().map(brief).slice(11)).toEqual(['Restarted 9', 'Gap 0..1 replay_failed', '2']);
  });

  it('among the held frames is a restart like any other', async () => {
    const client = new PlayedReplay({ seqs: numbers(0, 9) });
    const { feed, send, records } = recoveryOf(client);
    client.onAsked = () => feed.push({ seq: 0, payload: payload(0) }, { seq: 1, payload: payload(1) });
    await send(0, 2);
    const expected = ['1r', 'Recovered 1..1 1', '2', 'Restarted 2', '0', '1'];
    expect(records().map(brief).slice(2)).toEqual(expected);
  });
});

describe('a publisher that cannot answer', () => {
  it('is left alone for a while', async () => {
    const client = new PlayedReplay({ seqs: [], end: 'unreachable' });
    const { send, records, clock, feed } = recoveryOf(client, { cooldown: 5_000 });
    await send(0, 2);
    for (let pause = 0; pause < 10; pause++) await clock.pass(100);
    await send(4);
    expect(records().at(-2)).toMatchObject({ from_seq: '3', reason: 'no_replay' });
    expect(client.asked).toHaveLength(5);
    feed.at = clock.now() + 6_000;
    await send(6);
    expect(client.asked).toHaveLength(6);
  });

  it('is another one than one that has forgotten: that one is asked again', async () => {
    const client = new PlayedReplay(...Array<Answer>(5).fill({ seqs: [0] }), { seqs: numbers(0, 30) });
    const { send, records, clock } = recoveryOf(client, { cooldown: 5_000 });
    await send(0, 2);
    for (let pause = 0; pause < 10; pause++) await clock.pass(100);
    await send(4);
    expect(records().map(brief).slice(-3)).toEqual(['3r', 'Recovered 3..3 1', '4']);
  });
});

describe('what is held', () => {
  it('makes the source wait when it is too much, until the stream is live again', async () => {
    const client = new PlayedReplay(hangs);
    const { send, feed, records, stop } = recoveryOf(client, { heldBytes: 300 });
    await send(0, 2, ...numbers(3, 20));
    expect(feed.waiting).toBeGreaterThan(5);
    expect(records()).toHaveLength(2);
    await stop();
    await settle();
    expect(feed.waiting).toBe(0);
    expect(records().map(brief).slice(2)).toEqual(['Gap 1..1 replay_timeout', ...numbers(2, 20).map(String)]);
  });

  it('keeps its stream from being forgotten', async () => {
    const client = new PlayedReplay(hangs);
    const { send, records, stop } = recoveryOf(client, { maxStreams: 2 });
    await send(0, 2, { seq: 0, topic: 'b' }, { seq: 0, topic: 'c' }, { seq: 0, topic: 'd' }, 3);
    await stop();
    const own = records().filter(({ topic }) => topic === 'kv@10.0.0.5@org/model');
    expect(own.map(brief)).toEqual(['Started start', '0', 'Gap 1..1 replay_timeout', '2', '3']);
  });

  it('counts over all streams: a source may also wait for the frame that shows a gap', async () => {
    const client = new PlayedReplay(hangs);
    const { send, feed, stop } = recoveryOf(client, { heldBytes: 1_500 });
    const streams = ['a', 'b', 'c', 'd'];
    await send(...streams.flatMap((topic) => [0, 2].map((seq) => ({ seq, topic }))));
    expect(feed.waiting).toBeGreaterThan(0);
    await stop();
    await settle();
    expect(feed.waiting).toBe(0);
  });

  it('gives way to what comes live without leaving a frame behind, whenever that comes', async () => {
    for (let phase = 0; phase < 100; phase++) {
      // It answers no second time: a frame that was left behind would come back unnoticed.
      const client = new PlayedReplay({ seqs: numbers(0, 2) }, { seqs: [], end: 'unreachable' });
      const { feed, send, records } = recoveryOf(client);
      await send(0);
      feed.push(2);
      for (let turn = 0; turn < phase; turn++) await Promise.resolve();
      feed.push(3);
      await settle();
      await send(4);
      const batches = records().filter(({ type }) => type === 'BlockRemoved');
      expect(batches.map(({ seq }) => Number(seq))).toEqual(numbers(0, 4));
    }
  });

  it('is a copy: the library may reuse its memory', async () => {
    const client = new PlayedReplay({ seqs: numbers(0, 9) });
    const { feed, send, records } = recoveryOf(client);
    client.onAsked = () => feed.overwrite();
    await send(0, 2);
    expect(records().map(brief).at(-1)).toBe('2');
  });
});

describe('replays beyond the concurrency', () => {
  const [a, b] = [[0, 2].map((seq) => ({ seq, topic: 'a' })), [0, 2].map((seq) => ({ seq, topic: 'b' }))];

  it('wait for their turn', async () => {
    const client = new PlayedReplay(hangs, { seqs: numbers(0, 9) });
    const { send, records, stop, facts } = recoveryOf(client, { concurrency: 1 });
    await send(...a, ...b);
    expect(client.asked).toHaveLength(1);
    expect(records().map(brief)).toEqual(['Started start', '0', 'Started start', '0']);
    await stop();
    expect(facts.filter(({ fact }) => fact === 'replay')).toHaveLength(2);
    expect(records().filter(({ type }) => type === 'StreamGap')).toHaveLength(2);
  });

  it('go on once another one is over', async () => {
    const { send, records } = recoveryOf(new PlayedReplay({ seqs: numbers(0, 9) }), { concurrency: 1 });
    await send(...a, ...b, 5);
    expect(records().filter(({ type }) => type === 'StreamRecovered')).toHaveLength(3);
  });
});

describe('the report of a replay', () => {
  it('says how it went', async () => {
    const { send, facts } = recoveryOf(new PlayedReplay({ seqs: numbers(0, 30) }));
    await send(0, 3);
    expect(facts.filter(({ fact }) => fact === 'replay')).toMatchObject([{ outcome: 'complete', recovered: 2n }]);
  });
});
