import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import type { RecordForm } from '../../src/core/batch.ts';
import type { Fact } from '../../src/core/observer.ts';
import type { Identity } from '../../src/core/stream.ts';
import { Intake } from '../../src/pipeline/intake.ts';
import { StreamTable } from '../../src/pipeline/streams.ts';
import { FastTranscoder } from '../../src/wire/fast/transcoder.ts';
import { assertRecords } from '../support/schema.ts';

const topic = 'kv@10.0.0.5@org/model';
const start = 1_763_800_000_000;

interface Sent {
  readonly seq?: number | bigint | null;
  readonly topic?: string;
  readonly rank?: number | null;
  /** Tells one payload from another with the same number. */
  readonly ts?: number;
  readonly events?: readonly unknown[];
  readonly payload?: Buffer;
  readonly parts?: readonly Buffer[];
  readonly at?: number;
  readonly peer?: string | null;
  readonly connection?: number | null;
}

interface SetUp {
  readonly scope?: 'rank' | 'topic';
  readonly identity?: Identity;
  readonly form?: RecordForm;
  readonly maxStreams?: number;
  readonly streamTtl?: number;
  readonly canCheck?: boolean;
}

function setUp(options: SetUp = {}) {
  const { scope = 'rank', identity = 'auto', form = 'event', maxStreams = 100, streamTtl = 3_600_000 } = options;
  const facts: Fact[] = [];
  const observe = (fact: Fact) => facts.push(fact);
  const intake = new Intake({
    transcoder: new FastTranscoder(() => undefined),
    streams: new StreamTable({ maxStreams, streamTtl }, observe),
    forms: new Set([form]),
    rules: new Map([['zmq', { sequenceScope: scope, identity, maxFrameBytes: 1_000_000 }]]),
    canReplay: () => false,
    canCheck: () => options.canCheck ?? false,
    observe,
  });
  const kinds: string[] = [];
  let sent = 0;
  const accept = (one: Sent) => {
    sent += 1;
    const frame = {
      source: 'zmq',
      endpoint: 'tcp://*:5557',
      peer: one.peer ?? null,
      connection: one.connection ?? null,
      parts: partsOf(one),
      receivedAt: one.at ?? start + sent,
    };
    const acceptance = intake.accept(frame);
    kinds.push(acceptance.kind);
    const all = acceptance.kind === 'records' ? acceptance.all : [];
    return all.flatMap((forms) => assertRecords(forms[form]?.bytes ?? Buffer.alloc(0)));
  };
  return { facts, kinds, accept, send: (...all: Sent[]) => all.flatMap(accept) };
}

function partsOf({ seq = 0, parts, payload, ...one }: Sent): readonly Buffer[] {
  if (parts) return parts;
  const { ts = 1_763_800_000.5, rank = 0, events = [['BlockRemoved', [1], 'GPU']] } = one;
  const body = payload ?? Buffer.from(encode([ts, events, rank]));
  const number = Buffer.alloc(8);
  if (seq !== null) number.writeBigUInt64BE(BigInt(seq));
  return [Buffer.from(one.topic ?? topic), ...(seq === null ? [] : [number]), body];
}

/** A record in a word: its type, and what identifies it. */
const brief = (record: Record<string, unknown>) => {
  const { type, seq, from_seq, to_seq, joined, last_seq, reason } = record;
  const detail = {
    StreamGap: `${from_seq}..${to_seq}`,
    StreamStarted: joined,
    StreamRestarted: last_seq,
    Undecodable: reason,
  };
  return [type, detail[type as keyof typeof detail] ?? seq].join(' ');
};

describe('a stream in the output', () => {
  it('begins with StreamStarted and names every number once', () => {
    const { send } = setUp();
    const records = send({ seq: 0 }, { seq: 1 }, { seq: 4 }, { seq: 5, events: [] }, { seq: 6 });
    expect(records.map(brief)).toEqual([
      'StreamStarted start',
      'BlockRemoved 0',
      'BlockRemoved 1',
      'StreamGap 2..3',
      'BlockRemoved 4',
      'EmptyBatch 5',
      'BlockRemoved 6',
    ]);
    expect(records[3]).toMatchObject({ missing: '2', reason: 'no_replay', seq: '2' });
  });

  it('goes on under a new epoch after a restart, without another StreamStarted', () => {
    const { send } = setUp();
    const records = send({ seq: 8 }, { seq: 9 }, { seq: 0, ts: 1_763_800_001 });
    expect(records.map(brief)).toEqual([
      'StreamStarted late',
      'BlockRemoved 8',
      'BlockRemoved 9',
      'StreamRestarted 9',
      'BlockRemoved 0',
    ]);
    const [started, , , restarted, first] = records;
    expect(restarted?.['previous_epoch']).toBe(started?.['epoch']);
    expect(restarted?.['epoch']).toBeGreaterThan(Number(started?.['epoch']));
    expect(first?.['epoch']).toBe(restarted?.['epoch']);
  });

  it('never goes back in the numbers of its ids, not where the beginning of a restarted publisher is missing either', () => {
    const { send } = setUp();
    const records = send({ seq: 0 }, { seq: 9 }, { seq: 5 }, { seq: 5, ts: 1 }, { seq: 8 });
    expect(records.map(({ type }) => type)).toContain('StreamRestarted');
    const positions = records.map(({ id, stream }) => {
      const [epoch, number] = String(id).slice(`${stream}@`.length).split('.').map(Number);
      return Number(epoch) * 100 + Number(number);
    });
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  });

  it('leaves out a repeated frame, and counts it', () => {
    const { send, facts } = setUp();
    expect(send({ seq: 0 }, { seq: 1 }, { seq: 1 }, { seq: 2 }).map(brief)).toEqual([
      'StreamStarted start',
      'BlockRemoved 0',
      'BlockRemoved 1',
      'BlockRemoved 2',
    ]);
    expect(facts.filter(({ fact }) => fact === 'duplicate')).toHaveLength(1);
  });

  it('passes on frames with the same number that are too large to be read, unless they are the same', () => {
    const { send } = setUp();
    const large = (byte: number) => ({ seq: 0, payload: Buffer.alloc(1_000_001, byte) });
    expect(send(large(1), large(1), large(2)).map(brief)).toEqual([
      'StreamStarted start',
      'Undecodable too_large',
      'StreamRestarted 0',
      'Undecodable too_large',
    ]);
  });

  it('is one per rank, each with numbers of its own', () => {
    const { send } = setUp();
    const records = send({ seq: 0, rank: 0 }, { seq: 0, rank: 1 }, { seq: 1, rank: 0 }, { seq: 1, rank: 1 });
    expect(records.map(({ stream }) => stream)).toEqual([0, 0, 1, 1, 0, 1].map((rank) => `zmq/${topic}/${rank}`));
    expect(records.map(({ type }) => type)).not.toContain('StreamGap');
  });

  it('is one for all ranks where they share a counter', () => {
    const { send } = setUp({ scope: 'topic' });
    const records = send({ seq: 0, rank: 0 }, { seq: 1, rank: 1 }, { seq: 2, rank: 0 });
    expect(records.map(brief)).toEqual(['StreamStarted start', 'BlockRemoved 0', 'BlockRemoved 1', 'BlockRemoved 2']);
    expect(records.slice(1).map((record) => [record['stream'], record['data_parallel_rank']])).toEqual(
      [0, 1, 0].map((rank) => [`zmq/${topic}/-`, rank]),
    );
  });

  it('without numbers counts for itself, and says so in its ids', () => {
    const { send } = setUp();
    const records = send({ seq: null }, { seq: null });
    expect(records.map(brief)).toEqual(['StreamStarted unsequenced', 'BlockRemoved ', 'BlockRemoved ']);
    expect(records.map(({ id }) => String(id).split('@').at(-1))).toEqual([
      `${start + 1}.n0.StreamStarted`,
      `${start + 1}.n0.0`,
      `${start + 1}.n1.0`,
    ]);
  });

  it('of several publishers is marked shared and passed on whole, under unique ids', () => {
    const { send, facts } = setUp();
    const turns = [1000, 50, 1001, 51, 1002, 52, 1003, 53, 1003, 53].map((seq, index) => ({
      seq,
      ts: 1_763_800_000 + index,
    }));
    const records = send(...turns);
    expect(records.filter(({ type }) => type === 'StreamShared')).toHaveLength(1);
    expect(records.slice(-5).map(brief)).toEqual([
      'BlockRemoved 52',
      'BlockRemoved 1003',
      'BlockRemoved 53',
      'BlockRemoved 1003',
      'BlockRemoved 53',
    ]);
    expect(records.slice(-2).every(({ id }) => /\.n\d+\.0$/.test(String(id)))).toBe(true);
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    expect(facts.filter(({ fact }) => fact === 'stream-shared')).toMatchObject([{ shared: true }]);
  });
});

describe('a frame that cannot be read', () => {
  const garbage = Buffer.from('c1', 'hex');

  it('still takes its number', () => {
    const { send } = setUp();
    expect(send({ seq: 0 }, { seq: 1, payload: garbage }, { seq: 2 }).map(brief)).toEqual([
      'StreamStarted start',
      'BlockRemoved 0',
      'Undecodable malformed_msgpack',
      'BlockRemoved 2',
    ]);
  });

  it('belongs to no numbered stream where the topic has several ranks, and disturbs none', () => {
    const { send } = setUp();
    const records = send(
      { seq: 0, rank: 0 },
      { seq: 7, rank: 1 },
      { seq: 1, payload: garbage },
      { seq: 2, rank: 0 },
      { seq: 8, rank: 1 },
    );
    expect(records.slice(4).map((record) => [record['stream'], brief(record)])).toEqual([
      [`zmq/${topic}/-`, 'StreamStarted unsequenced'],
      [`zmq/${topic}/-`, 'Undecodable malformed_msgpack'],
      [`zmq/${topic}/0`, 'StreamGap 1..1'],
      [`zmq/${topic}/0`, 'BlockRemoved 2'],
      [`zmq/${topic}/1`, 'BlockRemoved 8'],
    ]);
    expect(records[5]).toMatchObject({ seq: '1' });
  });

  it('belongs to the only rank of its topic, also when that stream was forgotten in between', () => {
    const { send } = setUp({ streamTtl: 1_000 });
    const records = send(
      { seq: 0, at: start },
      { seq: 1, at: start + 2_000 },
      { seq: 2, at: start + 2_001, payload: garbage },
    );
    expect(records.map((record) => [record['stream'], brief(record)]).slice(-2)).toEqual([
      [`zmq/${topic}/0`, 'BlockRemoved 1'],
      [`zmq/${topic}/0`, 'Undecodable malformed_msgpack'],
    ]);
  });

  it('with too many frames or a bad number costs the next one nothing', () => {
    const { send } = setUp();
    const bad = ['a', 'b', 'c', 'd'].map((text) => Buffer.from(text));
    const short = [Buffer.from(topic), Buffer.from('123'), garbage];
    const records = send({ seq: 0 }, { parts: bad }, { parts: short }, { seq: 1 });
    expect(records.filter(({ type }) => type === 'Undecodable').map(brief)).toEqual([
      'Undecodable bad_frames',
      'Undecodable bad_sequence_frame',
    ]);
    expect(records.at(-1)).toMatchObject({ type: 'BlockRemoved', seq: '1' });
    expect(records.map(({ type }) => type)).not.toContain('StreamGap');
  });

  it('costs no sibling when it is one event of a batch', () => {
    const { send, facts } = setUp();
    const records = send({ seq: 0, events: [['BlockRemoved', [1], null], 42, ['BlockRemoved', [2], null]] });
    expect(records.map((record) => [brief(record), record['index']])).toEqual([
      ['StreamStarted start', null],
      ['BlockRemoved 0', 0],
      ['Undecodable bad_event', 1],
      ['BlockRemoved 0', 2],
    ]);
    expect(facts).toContainEqual(expect.objectContaining({ fact: 'undecodable', reason: 'bad_event' }));
  });
});

describe('the form of the records', () => {
  it('is one per engine batch where the sink asks for it', () => {
    const { send } = setUp({ form: 'batch' });
    const records = send({ seq: 0, events: [['BlockRemoved', [1], 'GPU'], ['AllBlocksCleared']] });
    expect(records.map(brief)).toEqual(['StreamStarted start', 'Batch 0']);
    expect(records[1]).toMatchObject({ count: 2, events: [{ type: 'BlockRemoved' }, { type: 'AllBlocksCleared' }] });
  });
});

describe('the number of streams', () => {
  it('is bounded: the least recently used one is forgotten and begins anew under a higher epoch', () => {
    const { send, facts } = setUp({ maxStreams: 2 });
    const [first] = send(
      { seq: 0, topic: 'a' },
      { seq: 0, topic: 'b' },
      { seq: 1, topic: 'a' },
      { seq: 0, topic: 'c' },
    );
    expect(facts).toContainEqual(
      expect.objectContaining({ fact: 'stream-evicted', stream: 'zmq/b/0', reason: 'limit' }),
    );
    const [again] = send({ seq: 1, topic: 'b' });
    expect(again).toMatchObject({ type: 'StreamStarted', stream: 'zmq/b/0' });
    expect(again?.['epoch']).toBeGreaterThan(Number(first?.['epoch']));
  });

  it('forgets streams that were silent for longer than the limit', () => {
    const { send, facts } = setUp({ streamTtl: 1_000 });
    send({ seq: 0, topic: 'a', at: start }, { seq: 0, topic: 'b', at: start + 2_000 });
    expect(facts.filter(({ fact }) => fact === 'stream-evicted')).toMatchObject([
      { stream: 'zmq/a/0', reason: 'idle' },
    ]);
  });

  it('never repeats an id, even when the clock goes back', () => {
    const { send } = setUp({ maxStreams: 1 });
    const records = send(
      { seq: 0, topic: 'a', at: start },
      { seq: 0, topic: 'b', at: start },
      { seq: 0, topic: 'a', at: start - 5_000 },
    );
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
  });
});

describe('engines that dial in to one port', () => {
  const streamsOf = (records: readonly Record<string, unknown>[]) => [...new Set(records.map(({ stream }) => stream))];
  const from = (peer: string, seq: number, more: Partial<Sent> = {}): Sent => ({ topic: '', peer, seq, ...more });

  it('are two exact streams under a topic that names no pod', () => {
    const { send } = setUp();
    const records = send(
      from('10.0.0.5', 0),
      from('10.0.0.6', 0),
      from('10.0.0.5', 1),
      from('10.0.0.6', 1),
      from('10.0.0.6', 3),
    );
    expect(streamsOf(records)).toEqual(['zmq/10.0.0.5//0', 'zmq/10.0.0.6//0']);
    expect(records.map(brief)).toEqual([
      ...['StreamStarted start', 'BlockRemoved 0', 'StreamStarted start', 'BlockRemoved 0'],
      ...['BlockRemoved 1', 'BlockRemoved 1', 'StreamGap 2..2', 'BlockRemoved 3'],
    ]);
    expect(records[0]).toMatchObject({ peer: '10.0.0.5', topic: '', pod: null });
  });

  it('are told by their topics where these name pods, wherever they dial in from', () => {
    const { send } = setUp();
    const records = send({ seq: 0, peer: '10.0.0.5' }, { seq: 1, peer: '10.9.9.9' });
    expect(streamsOf(records)).toEqual([`zmq/${topic}/0`]);
    expect(records.map(brief)).toEqual(['StreamStarted start', 'BlockRemoved 0', 'BlockRemoved 1']);
  });

  it.each([
    ['topic', '', 'zmq//0'],
    ['peer', '', 'zmq/fd00::7//0'],
    ['peer', topic, `zmq/fd00::7/${topic}/0`],
  ] as const)('are told by what identity %s says, under the topic "%s"', (identity, text, stream) => {
    const { send } = setUp({ identity });
    expect(streamsOf(send({ seq: 0, topic: text, peer: 'fd00::7' }))).toEqual([stream]);
  });

  it('are told by their topics alone where the transport knows no addresses', () => {
    const { send } = setUp({ identity: 'peer' });
    const records = send({ seq: 0, topic: '' });
    expect(streamsOf(records)).toEqual(['zmq//0']);
    expect(records[0]).toMatchObject({ type: 'StreamStarted', peer: null });
  });

  it('do not pass on what cannot be read to one another', () => {
    const { send } = setUp();
    send(from('10.0.0.5', 0, { rank: 3 }), from('10.0.0.6', 0, { rank: 4 }));
    const payload = Buffer.from([0xc1]);
    const records = send(from('10.0.0.5', 1, { payload }), from('10.0.0.6', 1, { payload }));
    expect(streamsOf(records)).toEqual(['zmq/10.0.0.5//3', 'zmq/10.0.0.6//4']);
  });

  it('are asked whether they have restarted, once for each new connection', () => {
    const { send, kinds } = setUp({ canCheck: true });
    const through = (connection: number, seq: number) => from('10.0.0.5', seq, { connection });
    send(through(1, 0), through(1, 1), through(4, 2), through(4, 3), through(1, 4), through(7, 5));
    expect(kinds).toEqual(['records', 'records', 'check', 'records', 'records', 'check']);
  });
});
