import { setImmediate as turn } from 'node:timers/promises';
import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import type { Held } from '../../src/core/checkpoint.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Frame } from '../../src/core/frame.ts';
import type { LaneConfig } from '../../src/core/lane-settings.ts';
import type { Sink, WriteOutcome } from '../../src/core/sink.ts';
import type { Source } from '../../src/core/source.ts';
import { Intake } from '../../src/pipeline/intake.ts';
import { Lane } from '../../src/pipeline/lane.ts';
import type { PipelineParts } from '../../src/pipeline/pipeline.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { StreamTable } from '../../src/pipeline/streams.ts';
import { FastTranscoder } from '../../src/wire/fast/transcoder.ts';
import { chance } from '../ledger/campaign.ts';
import { deadline } from './support.ts';

const lists = 400;
const perList = 30;
const start = 1_763_800_000_000;

/** Each number has tokens of its own. */
const tokensOf = (seq: number) => Array.from({ length: 200 }, (_, index) => (seq * 31 + index) % 100_000);

/** Frames whose memory is used again once the reader asks for more, as that of a connection is. */
function playedSource(): Source {
  return {
    async *frames() {
      for (let list = 0; list < lists; list += 1) {
        const frames = Array.from({ length: perList }, (_, index) => frameOf(list * perList + index));
        yield frames;
        for (const { parts } of frames) for (const part of parts) part.fill(0xdb);
      }
    },
  } as Partial<Source> as Source;
}

function frameOf(seq: number): Frame {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(seq));
  const stored = ['BlockStored', [seq], null, tokensOf(seq), 16];
  const parts = [Buffer.from('kv@a@m'), number, Buffer.from(encode([start / 1_000, [stored], 0]))];
  return { source: 'zmq', endpoint: 'tcp://*:5557', peer: '10.0.0.1', connection: 1, receivedAt: start, parts };
}

/** Takes its time, fails now and then, and reads what it was given until the end, after a failure even beyond it. */
class SlowSink implements Sink {
  readonly seen = new Set<number>();
  readonly wrong: string[] = [];
  writes = 0;
  failures = 0;
  readonly #random: ReturnType<typeof chance>;
  readonly #failing: number;
  readonly #held: Held;

  constructor(seed: number, failing: number, held: Held) {
    this.#random = chance(seed);
    this.#failing = failing;
    this.#held = held;
  }

  connect(): Promise<Held> {
    return Promise.resolve(this.#held);
  }

  async write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    this.writes += 1;
    this.#read(batches, 'at the beginning of a write');
    for (let turns = this.#random.between(0, 6); turns > 0; turns -= 1) await turn();
    this.#read(batches, 'at the end of a write');
    if (this.#random.next() >= this.#failing) return { deadLettered: 0, batchesDeadLettered: 0 };
    this.failures += 1;
    const written = this.#random.between(0, batches.length);
    void this.#linger(batches.slice(written));
    throw new SinkError({ kind: 'transient', code: 'AWAY', message: 'away', written });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #linger(batches: readonly RecordBatch[]): Promise<void> {
    for (let turns = 0; turns < 50; turns += 1) await turn();
    this.#read(batches, 'long after a write has failed');
  }

  #read(batches: readonly RecordBatch[], when: string): void {
    for (const { bytes, covers } of batches) {
      const lines = bytes.toString('latin1').split('\n').slice(0, -1);
      for (const line of lines) {
        if (covers === null || line.includes('"StreamGap"')) continue;
        const { seq, ...rest } = parsed(line);
        const tokens = rest.event?.token_ids ?? rest.events?.[0]?.token_ids;
        if (JSON.stringify(tokens) !== JSON.stringify(tokensOf(Number(seq)))) this.wrong.push(`${when}: ${seq}`);
        else this.seen.add(Number(seq));
      }
    }
  }
}

interface Line {
  readonly seq?: string;
  readonly event?: { readonly token_ids: number[] };
  readonly events?: readonly { readonly token_ids: number[] }[];
}

function parsed(line: string): Line {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return {};
  }
}

const clock = { now: () => start, sleep: () => turn() as Promise<void> };

function laneOf(sink: Sink, config: Partial<LaneConfig>): Lane {
  const complete: LaneConfig = {
    ...{ record: 'event', whenFull: 'block', laneBytes: 3_000_000, maxBatchRecords: 100, maxBatchBytes: 500_000 },
    ...{ linger: 0, retryInitial: 1, retryMax: 1 },
    ...config,
  };
  const rest = { maxStreams: 100, observe: () => undefined, clock, random: () => 0.5 };
  const lane = new Lane({ name: 'slow', sink, config: complete, ...rest });
  lane.start(() => undefined);
  return lane;
}

describe('memory that records stand in', () => {
  it('is not used again while a lane, a write or a failed write may read it, and frames are not read after their turn', async () => {
    const position = { epoch: start, seq: 1_234n, sub: 0 };
    const held = new Map([['zmq/kv@a@m/0', { position, ts: null, hash: null }]]);
    const sinks = [
      new SlowSink(1, 0, null),
      new SlowSink(2, 0.05, null),
      new SlowSink(3, 0, null),
      new SlowSink(4, 0, held),
    ];
    const configs = [{}, {}, { whenFull: 'drop', laneBytes: 400_000 }, { record: 'event' }] as const;
    const lanes = sinks.map((sink, index) => laneOf(sink, configs[index] ?? {}));
    const streams = new StreamTable({ maxStreams: 100, streamTtl: 3_600_000 }, () => undefined);
    const intake = new Intake({
      transcoder: new FastTranscoder(() => undefined),
      streams,
      forms: new Set(['event']),
      rules: new Map([['zmq', { sequenceScope: 'rank', identity: 'topic', maxFrameBytes: 100_000 }]]),
      canReplay: () => false,
      canCheck: () => false,
      observe: () => undefined,
    });
    const parts: Partial<PipelineParts> = { intake, streams, lanes, tap: { isOpen: false, take: () => undefined } };
    await new Pipeline(parts as PipelineParts).read(playedSource());
    await Promise.all(lanes.map((lane) => lane.finish(deadline().signal)));
    for (let turns = 0; turns < 60; turns += 1) await turn();

    expect(sinks.flatMap(({ wrong }) => wrong)).toEqual([]);
    const [plain, failing, dropping, resumed] = sinks as [SlowSink, SlowSink, SlowSink, SlowSink];
    expect(plain.seen.size).toBe(lists * perList);
    expect(failing.seen.size).toBe(lists * perList);
    expect(failing.failures).toBeGreaterThanOrEqual(5);
    expect(dropping.seen.size).toBeLessThan(lists * perList);
    expect(resumed.seen.size).toBe(lists * perList - 1_235);
  });
});
