import type { Fact } from '../core/observer.ts';
import type { Series } from './bulk-histogram.ts';
import { knownValues } from './catalogue.ts';
import type { Instruments, Tally } from './instruments.ts';
import type { SocketTraffic } from './traffic.ts';
import { Traffic } from './traffic.ts';

type Of<F extends Fact['fact']> = Extract<Fact, { fact: F }>;

/** The facts of every batch: added up here, and only brought to the metrics when somebody asks for them. */
export class BusyFacts {
  readonly traffic = new Traffic();
  readonly #metrics: Instruments;
  readonly #now: () => number;
  readonly #sinks = new Map<string, SinkTallies>();
  readonly #deliveries = new Map<string, Deliveries>();
  readonly #lanes = new Map<string, Of<'lane'>>();

  constructor(metrics: Instruments, now: () => number) {
    this.#metrics = metrics;
    this.#now = now;
  }

  readonly accounting = ({ sink, fate, batches }: Of<'accounting'>): void => {
    const tallies = this.#sink(sink);
    const tally = tallies[fate] ?? this.#metrics.tally('sink_batches_total', { sink, fate });
    tallies[fate] ??= tally;
    tally.amount += batches;
  };

  readonly delivered = ({ sink, records, bytes, at, latencies, stays }: Of<'delivered'>): void => {
    const deliveries = this.#delivered(sink);
    deliveries.records.amount += records;
    deliveries.bytes.amount += bytes;
    deliveries.lastAt = at;
    for (const ms of latencies) deliveries.sinceEngine?.add(ms / 1_000);
    for (const ms of stays) deliveries.sinceReceipt?.add(ms / 1_000);
  };

  readonly lane = (fact: Of<'lane'>): void => {
    this.#lanes.set(fact.sink, fact);
  };

  flush(): void {
    for (const source of this.traffic.sources) this.#flushSource(source);
    this.#metrics.flush();
    for (const [sink, { lastAt }] of this.#deliveries) {
      this.#metrics.set('sink_last_settled_timestamp_seconds', { sink }, lastAt / 1_000);
    }
    for (const [sink, { bytes, records, batches }] of this.#lanes) {
      this.#metrics.set('lane_bytes', { sink }, bytes);
      this.#metrics.set('lane_records', { sink }, records);
      this.#metrics.set('sink_batches_queued', { sink }, batches);
    }
  }

  #flushSource(source: string): void {
    const sockets = this.traffic.sockets(source);
    const sum = (of: (socket: SocketTraffic) => number) => sockets.reduce((total, socket) => total + of(socket), 0);
    this.#metrics.raise(
      'source_frames_total',
      { source },
      sum(({ frames }) => frames),
    );
    this.#metrics.raise(
      'source_frame_bytes_total',
      { source },
      sum(({ bytes }) => bytes),
    );
    this.#metrics.raise(
      'source_batches_total',
      { source },
      sum(({ batches }) => batches),
    );
    for (const type of knownValues.type) {
      this.#metrics.raise(
        'source_events_total',
        { source, type },
        sum(({ events }) => events[type]),
      );
    }
    const lastFrameAt = Math.max(...sockets.map((socket) => socket.lastFrameAt));
    if (lastFrameAt > 0) this.#metrics.set('source_last_frame_timestamp_seconds', { source }, lastFrameAt / 1_000);
    const skew = smallestSkew(sockets, this.#now());
    if (skew === null) this.#metrics.unset('source_clock_skew_seconds', { source });
    else this.#metrics.set('source_clock_skew_seconds', { source }, skew / 1_000);
  }

  #delivered(sink: string): Deliveries {
    const known = this.#deliveries.get(sink);
    if (known !== undefined) return known;
    const metrics = this.#metrics;
    const made: Deliveries = {
      records: metrics.tally('sink_records_delivered_total', { sink }),
      bytes: metrics.tally('sink_bytes_delivered_total', { sink }),
      sinceEngine: metrics.series('sink_delivery_latency_seconds', { sink }),
      sinceReceipt: metrics.series('sink_bridge_latency_seconds', { sink }),
      lastAt: 0,
    };
    this.#deliveries.set(sink, made);
    return made;
  }

  #sink(sink: string): SinkTallies {
    const known = this.#sinks.get(sink);
    if (known !== undefined) return known;
    const made: SinkTallies = {};
    this.#sinks.set(sink, made);
    return made;
  }
}

/** What one sink has confirmed. */
interface Deliveries {
  readonly records: Tally;
  readonly bytes: Tally;
  readonly sinceEngine: Series | undefined;
  readonly sinceReceipt: Series | undefined;
  /** Milliseconds since 1970. */
  lastAt: number;
}

/** The engine whose clock is the furthest ahead decides. */
function smallestSkew(sockets: readonly SocketTraffic[], now: number): number | null {
  const known = sockets.flatMap(({ skew }) => skew.smallest(now) ?? []);
  return known.length === 0 ? null : Math.min(...known);
}

type SinkTallies = Partial<Record<Of<'accounting'>['fate'], Tally>>;
