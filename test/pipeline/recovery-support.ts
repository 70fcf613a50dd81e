import type { RecordBatch } from '../../src/core/batch.ts';
import type { Frame } from '../../src/core/frame.ts';
import type { Fact } from '../../src/core/observer.ts';
import type { ReplayClient } from '../../src/core/replay.ts';
import { noSecurity } from '../../src/core/security.ts';
import type { Sink } from '../../src/core/sink.ts';
import type { Source } from '../../src/core/source.ts';
import { Turns } from '../../src/ingress/replay-turns.ts';
import { Intake } from '../../src/pipeline/intake.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { Recoverer } from '../../src/pipeline/recoverer.ts';
import { resumesOf } from '../../src/pipeline/resume.ts';
import { StreamTable } from '../../src/pipeline/streams.ts';
import { FastTranscoder } from '../../src/wire/fast/transcoder.ts';
import { streamOfId } from '../../src/wire/stream-id.ts';
import { assertRecords } from '../support/schema.ts';
import { payloadOf } from './played-replay.ts';
import { FakeClock, laneOf, PlayedSink, settle } from './support.ts';

/** A live frame: its number, or more. */
export type Live =
  | number
  | {
      readonly seq: number;
      readonly topic?: string;
      readonly rank?: number;
      readonly payload?: Buffer;
      readonly connection?: number | null;
    };

const usualTopic = 'kv@10.0.0.5@org/model';

/** A source that a test feeds. */
export class Feed implements Source {
  readonly name = 'zmq';
  readonly endpoint = 'tcp://*:5557';
  /** Time of receipt of the next frames, ms. */
  at = 1_700_000_000_000;
  #queue: Frame[] = [];
  #wake: () => void = () => undefined;
  #isOver = false;

  /** Frames that nobody has read yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  push(...all: Live[]): void {
    for (const one of all) this.#queue.push(this.#frame(typeof one === 'number' ? { seq: one } : one));
    this.#wake();
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  stop(): void {
    this.#isOver = true;
    this.#wake();
  }

  async *frames(): AsyncGenerator<readonly Frame[]> {
    while (!this.#isOver || this.#queue.length > 0) {
      const frame = this.#queue.shift();
      if (frame !== undefined) yield [frame];
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  /** What the library may do with the memory of frames that it has handed over. */
  overwrite(): void {
    for (const part of this.#handed) part.fill(0xff);
  }

  readonly #handed: Buffer[] = [];

  #frame({ seq, topic = usualTopic, rank = 0, payload, connection = null }: Exclude<Live, number>): Frame {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(seq));
    const parts = [Buffer.from(topic), number, Buffer.from(payload ?? payloadOf(seq, 0, rank))];
    this.#handed.push(...parts);
    this.at += 1;
    return { source: 'zmq', endpoint: 'tcp://*:5557', peer: null, connection, receivedAt: this.at, parts };
  }
}

interface Options {
  readonly endpoint?: string | null;
  readonly cooldown?: number;
  readonly heldBytes?: number;
  readonly maxStreams?: number;
  readonly concurrency?: number;
  /** In place of one that takes everything and keeps no checkpoints. */
  readonly sinks?: readonly Sink[];
}

/** A sink that takes everything at once. */
class TakingSink extends PlayedSink {
  readonly batches: RecordBatch[] = [];

  override write(batches: readonly RecordBatch[]) {
    this.batches.push(...batches);
    return Promise.resolve({ deadLettered: 0, batchesDeadLettered: 0 });
  }
}

/** From a source through recovery to a sink, with a publisher that the test plays. */
export function recoveryOf(client: ReplayClient, options: Options = {}) {
  const { endpoint = 'tcp://10.0.0.5:5558', cooldown = 0, heldBytes = 1_000_000, maxStreams = 100 } = options;
  const turns = new Turns(options.concurrency ?? 8);
  const clock = new FakeClock();
  const facts: Fact[] = [];
  const observe = (fact: Fact) => facts.push(fact);
  const sink = new TakingSink();
  const lanes = (options.sinks ?? [sink]).map((one) => laneOf(one).lane);
  const limits = { maxBytes: 1_000_000, budget: 600_000, pause: 100 };
  const recoverer = new Recoverer({
    ...{ client, clock, limits, turns, observe, heldBytes, cooldown },
    targetOf: () => (endpoint === null ? null : { endpoint, security: noSecurity }),
  });
  const streams = new StreamTable({ maxStreams, streamTtl: 3_600_000 }, observe);
  const intake = new Intake({
    transcoder: new FastTranscoder(() => undefined),
    streams,
    forms: new Set(['event'] as const),
    rules: new Map([['zmq', { sequenceScope: 'rank' as const, identity: 'auto' as const, maxFrameBytes: 1_000_000 }]]),
    canReplay: (entry, now, afresh) => recoverer.canReplay(entry, now, afresh),
    canCheck: (entry) => recoverer.canCheck(entry),
    observe,
  });
  const tap = { isOpen: false, take: () => undefined };
  const pipeline = new Pipeline({ intake, streams, lanes, recoverer, tap });
  const feed = new Feed();
  for (const lane of lanes) lane.start(() => undefined);
  const reading = Promise.all(lanes.map(({ opened }) => opened)).then(async (held) => {
    streams.resume(resumesOf(held, (id) => streamOfId(id, 'auto')));
    await Promise.all([pipeline.catchUp(clock.now()), pipeline.read(feed)]);
  });
  const send = async (...all: Live[]) => {
    feed.push(...all);
    await settle();
  };
  const stop = async (leavesRest = false) => {
    await recoverer.stop(leavesRest);
    await settle();
  };
  const records = () => assertRecords(Buffer.concat(sink.batches.map(({ bytes }) => bytes)));
  const reconnected = () => pipeline.reconnected('zmq');
  return { feed, send, stop, records, facts, clock, reading, reconnected };
}

/** A record in a word: a batch is its number, with an `r` where it was replayed. */
export function brief(record: Record<string, unknown>): string {
  const { type, seq, from_seq, to_seq, joined, last_seq, reason, recovered, origin } = record;
  const replayed = origin === 'replay' ? 'r' : '';
  switch (type) {
    case 'StreamStarted':
      return `Started ${joined}`;
    case 'StreamRestarted':
      return `Restarted ${last_seq}`;
    case 'StreamGap':
      return `Gap ${from_seq}..${to_seq} ${reason}`;
    case 'StreamRecovered':
      return `Recovered ${from_seq}..${to_seq} ${recovered}`;
    case 'BlockRemoved':
      return `${seq}${replayed}`;
    default:
      return `${type} ${seq}${replayed}`;
  }
}

/** Numbers of each epoch in the order of the records, those of gaps as well. */
export function accounted(records: readonly Record<string, unknown>[]): Map<unknown, number[]> {
  const epochs = new Map<unknown, number[]>();
  for (const { type, epoch, seq, from_seq, to_seq } of records) {
    const all = epochs.get(epoch) ?? [];
    epochs.set(epoch, all);
    if (type === 'BlockRemoved') all.push(Number(seq));
    if (type === 'StreamGap') for (let lost = Number(from_seq); lost <= Number(to_seq); lost++) all.push(lost);
  }
  return epochs;
}
