import type { RecordBatch } from '../../src/core/batch.ts';
import type { Frame } from '../../src/core/frame.ts';
import type { Fact } from '../../src/core/observer.ts';
import type { ReplayClient } from '../../src/core/replay.ts';
import type { Source } from '../../src/core/source.ts';
import { Turns } from '../../src/ingress/replay-turns.ts';
import { Intake } from '../../src/pipeline/intake.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { Recoverer } from '../../src/pipeline/recoverer.ts';
import { StreamTable } from '../../src/pipeline/streams.ts';
import { assertRecords } from '../support/schema.ts';
import { payloadOf } from './played-replay.ts';
import { FakeClock, laneOf, PlayedSink, settle } from './support.ts';

/** A live frame: its number, or more. */
export type Live =
  | number
  | { readonly seq: number; readonly topic?: string; readonly rank?: number; readonly payload?: Buffer };

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

  async *frames(): AsyncGenerator<Frame> {
    while (!this.#isOver || this.#queue.length > 0) {
      const frame = this.#queue.shift();
      if (frame !== undefined) yield frame;
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

  #frame({ seq, topic = usualTopic, rank = 0, payload }: Exclude<Live, number>): Frame {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(seq));
    const parts = [Buffer.from(topic), number, Buffer.from(payload ?? payloadOf(seq, 0, rank))];
    this.#handed.push(...parts);
    this.at += 1;
    return { source: 'zmq', endpoint: 'tcp://*:5557', receivedAt: this.at, parts };
  }
}

interface Options {
  readonly endpoint?: string | null;
  readonly cooldown?: number;
  readonly heldBytes?: number;
  readonly maxStreams?: number;
  readonly concurrency?: number;
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
  const { lane } = laneOf(sink);
  const limits = { maxBytes: 1_000_000, budget: 600_000, pause: 100 };
  const recoverer = new Recoverer({
    ...{ client, clock, limits, turns, observe, heldBytes, cooldown },
    endpointOf: () => endpoint,
  });
  const streams = new StreamTable({ maxStreams, streamTtl: 3_600_000 }, observe);
  const intake = new Intake({
    streams,
    forms: new Set(['event'] as const),
    rules: new Map([['zmq', { sequenceScope: 'rank' as const, maxFrameBytes: 1_000_000 }]]),
    canReplay: (entry, now, afresh) => recoverer.canReplay(entry, now, afresh),
    canCheck: (entry) => recoverer.canCheck(entry),
    observe,
  });
  const pipeline = new Pipeline({ intake, streams, lanes: [lane], recoverer });
  const feed = new Feed();
  lane.start(() => undefined);
  const reading = pipeline.read(feed);
  const send = async (...all: Live[]) => {
    feed.push(...all);
    await settle();
  };
  const stop = async () => {
    await recoverer.stop();
    await settle();
  };
  const records = () => assertRecords(Buffer.concat(sink.batches.map(({ bytes }) => bytes)));
  return { feed, send, stop, records, facts, clock, reading };
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
