import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { Intake } from '../../src/pipeline/intake.ts';
import { standingOf, streamsStatus } from '../../src/pipeline/stream-status.ts';
import { StreamTable } from '../../src/pipeline/streams.ts';
import { FastTranscoder } from '../../src/wire/fast/transcoder.ts';

const start = 1_763_800_000_000;
const event = ['BlockStored', [7], null, [1, 2], 2, null, 'GPU', null];

interface Sent {
  readonly seq: number | null;
  readonly topic?: string;
  readonly at?: number;
  readonly events?: readonly unknown[];
}

function setUp(maxStreams = 100) {
  const streams = new StreamTable({ maxStreams, streamTtl: 3_600_000 }, () => undefined);
  const intake = new Intake({
    transcoder: new FastTranscoder(() => undefined),
    streams,
    forms: new Set(['event']),
    rules: new Map([['zmq', { sequenceScope: 'rank', identity: 'topic', maxFrameBytes: 1_000_000 }]]),
    canReplay: () => false,
    canCheck: () => false,
    observe: () => undefined,
  });
  const send = ({ seq, topic = 'kv@pod@m', at = start, events = [event] }: Sent) => {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(seq ?? 0));
    const payload = Buffer.from(encode([at / 1_000, events, 0]));
    const parts = [Buffer.from(topic), ...(seq === null ? [] : [number]), payload];
    intake.accept({ source: 'zmq', endpoint: 'tcp://*:5557', peer: '10.0.0.5', connection: 1, parts, receivedAt: at });
  };
  const items = (limit = 10, text = '') => {
    const lanes = new Map();
    return streamsStatus(standingOf(streams.all, lanes), lanes, { limit, text }).items;
  };
  return { streams, intake, send, items };
}

describe('the status of a stream', () => {
  it('counts what it has brought', () => {
    const { send, items } = setUp();
    send({ seq: 0 });
    send({ seq: 1, at: start + 1_500, events: [event, event, ['BlockStored', 'bad', null, [1], 2]] });
    send({ seq: 5, at: start + 2_000 });
    send({ seq: 5, at: start + 2_000 });
    expect(items()).toEqual([
      {
        ...{ id: 'zmq/kv@pod@m/0', source: 'zmq', topic: 'kv@pod@m', pod: 'pod', model: 'm', rank: '0' },
        ...{ peer: '10.0.0.5', state: 'live', completeness: 'degraded', epoch: start, seq: '5' },
        ...{ last_event_at: (start + 2_000) / 1_000, events: 4, gaps: 1, missing: '3', recovered: '0', restarts: 0 },
        ...{ duplicates: 1, undecodable: 1, sinks: {} },
      },
    ]);
  });

  it('is exact again in the next incarnation of its publisher, and keeps its counts', () => {
    const { send, items } = setUp();
    for (const seq of [0, 3]) send({ seq });
    send({ seq: 0, at: start + 1 });
    expect(items()).toMatchObject([
      { completeness: 'exact', gaps: 1, missing: '2', restarts: 1, seq: '0', epoch: start + 1 },
    ]);
    send({ seq: 2, at: start + 2 });
    expect(items()).toMatchObject([{ completeness: 'degraded', gaps: 2, missing: '3' }]);
  });

  it('is degraded where a restart has lost its beginning', () => {
    const { send, items } = setUp();
    for (const seq of [0, 9]) send({ seq });
    send({ seq: 4, at: start + 1 });
    expect(items()).toMatchObject([{ completeness: 'degraded', restarts: 1, gaps: 2 }]);
  });

  it('is degraded without numbers: nobody can tell', () => {
    const { send, items } = setUp();
    send({ seq: null });
    expect(items()).toMatchObject([{ state: 'unsequenced', completeness: 'degraded', seq: null, events: 1 }]);
  });

  it('is recovering while its frames are held, unless something is missing already', () => {
    const { streams, send, items } = setUp();
    send({ seq: 0 });
    const [entry] = streams.all;
    if (entry !== undefined) entry.held = { frames: [], released: Promise.resolve() };
    expect(items()).toMatchObject([{ state: 'recovering', completeness: 'recovering' }]);
    if (entry !== undefined) entry.tally.hasGap = true;
    expect(items()).toMatchObject([{ state: 'recovering', completeness: 'degraded' }]);
  });

  it('says what came back', () => {
    const { streams, intake, send, items } = setUp();
    send({ seq: 0 });
    const [entry] = streams.all;
    if (entry === undefined) throw new Error('no stream');
    intake.recovered(entry, { from: 1n, to: 4n, recovered: 3n, last: 4n, durationMs: 5, receivedAt: start });
    expect(items()).toMatchObject([{ recovered: '3' }]);
  });

  it('is resumed while only an earlier run has seen it', () => {
    const { streams, send, items } = setUp();
    const position = { epoch: start - 1_000, seq: 6n, sub: 0 };
    const checkpoint = { position, ts: null, hash: null };
    const stream = {
      ...{ id: 'zmq/kv@pod@m/0', source: 'zmq', host: null, topic: 'kv@pod@m' },
      pod: 'pod',
      model: 'm',
      rank: '0',
    };
    const resume = {
      stream,
      epoch: position.epoch,
      lowest: checkpoint,
      furthest: checkpoint,
      opening: null,
      sightings: new Map(),
    };
    streams.resume(new Map([[stream.id, resume]]));
    streams.resumed(resume, start);
    expect(items()).toMatchObject([
      { state: 'resumed', seq: '6', epoch: start - 1_000, last_event_at: null, peer: null },
    ]);
    send({ seq: 7 });
    expect(items()).toMatchObject([{ state: 'live', seq: '7', last_event_at: start / 1_000, completeness: 'exact' }]);
  });

  it('stands before those that are better, the latest first', () => {
    const { send, items } = setUp();
    for (const topic of ['a', 'b', 'c', 'd']) send({ seq: 0, topic });
    for (const topic of ['c', 'b']) send({ seq: 2, topic });
    expect(items().map(({ topic }) => topic)).toEqual(['b', 'c', 'd', 'a']);
    expect(items(3).map(({ topic }) => topic)).toEqual(['b', 'c', 'd']);
    expect(items(1, '/a/').map(({ topic }) => topic)).toEqual(['a']);
    expect(items(0)).toEqual([]);
  });
});

describe('control records', () => {
  it('are kept, the newest first, at most 50, those of an event as well', () => {
    const { streams, send } = setUp();
    const types = () => streams.controls.newest().map((json) => (JSON.parse(json.toString()) as { type: string }).type);
    expect(types()).toEqual([]);
    send({ seq: 0 });
    send({ seq: 2 });
    send({ seq: 3, events: [event, ['BlockStored', 'bad', null, [1], 2]] });
    expect(types()).toEqual(['Undecodable', 'StreamGap', 'StreamStarted']);
    for (let seq = 5; seq < 205; seq += 2) send({ seq });
    const newest = streams.controls
      .newest()
      .map((json) => (JSON.parse(json.toString()) as { from_seq: string }).from_seq);
    expect(newest).toEqual(Array.from({ length: 50 }, (_, back) => String(202 - 2 * back)));
  });

  it('leaves out the empty batches of an engine that sends many', () => {
    const { streams, send } = setUp();
    send({ seq: 0, events: [] });
    expect(streams.controls.newest()).toHaveLength(1);
  });
});

describe('10 000 streams', () => {
  it('take less than 50 MB in all', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    collect();
    const before = process.memoryUsage().heapUsed;
    const { streams, send, items } = setUp(10_000);
    for (let pod = 0; pod < 10_000; pod += 1) {
      for (const seq of [0, 1, 3])
        send({ seq, topic: `kv@10.1.${pod >> 8}.${pod & 255}@organisation/model-${pod % 5}` });
    }
    collect();
    const used = process.memoryUsage().heapUsed - before;
    expect(streams.size).toBe(10_000);
    expect(items(Number.POSITIVE_INFINITY)).toHaveLength(10_000);
    expect(used).toBeGreaterThan(1_000_000);
    expect(used).toBeLessThan(50_000_000);
  });
});
