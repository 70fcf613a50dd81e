import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Fact, Observe } from '../core/observer.ts';
import { completenesses } from '../core/status.ts';
import { BusyFacts } from './busy.ts';
import { knownValues } from './catalogue.ts';
import { Instruments } from './instruments.ts';
import type { Traffic } from './traffic.ts';

export interface MetricsOptions {
  /** Names of all sources and sinks: their counters begin at 0. */
  readonly sources: readonly string[];
  readonly sinks: readonly string[];
  /** `laneBytes` of each sink. */
  readonly laneLimits?: Readonly<Record<string, number>>;
  readonly version?: string;
  /** Settings that take something from the promise. */
  readonly weakened?: readonly string[];
  /** The clock, milliseconds. */
  readonly now?: () => number;
}

/** prom-client's own gauges with the name of a counter: `promtool check metrics` refuses them; their parts remain. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

type Handlers = { readonly [K in Fact['fact']]: (fact: Extract<Fact, { fact: K }>) => void };

/** Facts as Prometheus metrics, in a registry of their own, with the usual ones of a Node process. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #instruments: Instruments;
  readonly #busy: BusyFacts;
  readonly #handlers: Handlers;

  constructor(options: MetricsOptions) {
    collectDefaultMetrics({ register: this.#registry });
    for (const name of misnamed) this.#registry.removeSingleMetric(name);
    this.#instruments = new Instruments(this.#registry);
    this.#busy = new BusyFacts(this.#instruments, options.now ?? Date.now);
    this.#handlers = {
      ...sourceHandlers(this.#instruments, this.#busy),
      ...sinkHandlers(this.#instruments, this.#busy),
      ...bridgeHandlers(this.#instruments, options.sources),
    };
    for (const source of options.sources) startSource(this.#instruments, source);
    for (const sink of options.sinks) startSink(this.#instruments, sink);
    for (const [sink, limit] of Object.entries(options.laneLimits ?? {})) {
      this.#instruments.set('lane_limit_bytes', { sink }, limit);
    }
    for (const setting of options.weakened ?? []) this.#instruments.set('setting_weakens_promise', { setting }, 1);
    this.#instruments.set('streams', {}, 0);
    startBridge(this.#instruments);
    this.#instruments.set('build_info', { version: options.version ?? 'unknown' }, 1);
  }

  readonly observe: Observe = (fact) => {
    (this.#handlers[fact.fact] as (fact: Fact) => void)(fact);
  };

  /** What came through each socket. */
  get traffic(): Traffic {
    return this.#busy.traffic;
  }

  set ready(isReady: boolean) {
    this.#instruments.set('bridge_ready', {}, isReady ? 1 : 0);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    this.#busy.flush();
    return this.#registry.metrics();
  }
}

type SourceFact = Extract<Fact, { readonly source: string }>['fact'];
type BridgeFact = Exclude<Fact['fact'], SourceFact | SinkFact>;
type SinkFact = Exclude<Extract<Fact, { readonly sink: string }>['fact'], `lease-${string}`>;

function sourceHandlers(metrics: Instruments, busy: BusyFacts): Pick<Handlers, SourceFact> {
  const peers = new Map<string, { source: string; peers: number }>();
  return {
    'source-open': () => {},
    'source-closed': () => {},
    'source-peers': ({ source, endpoint, peers: count }) => {
      // A source with several sockets (ranks) reports each for itself.
      peers.set(`${source} ${endpoint}`, { source, peers: count });
      const sockets = [...peers.values()].filter((socket) => socket.source === source);
      metrics.set(
        'source_peers',
        { source },
        sockets.reduce((sum, socket) => sum + socket.peers, 0),
      );
    },
    'source-trouble': ({ source, reason }) => metrics.count('source_troubles_total', { source, reason }),
    'source-zombie': ({ source }) => metrics.count('source_zombie_reconnects_total', { source }),
    'frame-received': busy.traffic.frames,
    'batch-accepted': busy.traffic.batches,
    undecodable: (fact) => {
      busy.traffic.undecodable(fact);
      metrics.count('source_undecodable_total', { source: fact.source, reason: fact.reason });
    },
    duplicate: (fact) => {
      busy.traffic.duplicate(fact);
      metrics.count('source_duplicates_total', { source: fact.source });
    },
    replay: ({ source, outcome, recovered, durationMs }) => {
      metrics.count('replay_requests_total', { source, outcome });
      metrics.count('replay_recovered_batches_total', { source }, Number(recovered));
      metrics.series('replay_duration_seconds', { source })?.add(durationMs / 1_000);
    },
    ...streamHandlers(metrics),
  };
}

type StreamFact = Extract<SourceFact, `stream-${string}`>;

function streamHandlers(metrics: Instruments): Pick<Handlers, StreamFact> {
  return {
    'stream-started': ({ source, joined, streams }) => {
      metrics.count('stream_starts_total', { source, joined });
      metrics.set('streams', {}, streams);
    },
    'stream-gap': ({ source, reason, from, to }) => {
      metrics.count('stream_gaps_total', { source, reason });
      metrics.count('stream_missing_sequence_numbers_total', { source }, Number(to - from + 1n));
    },
    'stream-restarted': ({ source }) => metrics.count('stream_restarts_total', { source }),
    'stream-shared': ({ source, shared }) => metrics.add('streams_shared', { source }, shared ? 1 : -1),
    'stream-evicted': ({ source, reason, shared, streams }) => {
      metrics.count('stream_evictions_total', { source, reason });
      metrics.set('streams', {}, streams);
      if (shared) metrics.add('streams_shared', { source }, -1);
    },
  };
}

function sinkHandlers(metrics: Instruments, busy: BusyFacts): Pick<Handlers, SinkFact> {
  return {
    'sink-up': ({ sink }) => metrics.set('sink_up', { sink }, 1),
    'sink-down': ({ sink }) => metrics.set('sink_up', { sink }, 0),
    'sink-retry': ({ sink, code }) => metrics.count('sink_retries_total', { sink, code }),
    'sink-note': ({ sink, code }) => metrics.count('sink_notes_total', { sink, code }),
    'sink-error': ({ sink, kind, code }) => metrics.count('sink_errors_total', { sink, class: kind, code }),
    'lane-standing': ({ sink, waitedMs, lagMs }) => {
      metrics.count('sink_backpressure_seconds_total', { sink }, waitedMs / 1_000);
      metrics.set('sink_lag_seconds', { sink }, lagMs / 1_000);
    },
    delivered: busy.delivered,
    'dead-lettered': ({ sink, reason, records }) => metrics.count('sink_dead_letters_total', { sink, reason }, records),
    dropped: ({ sink, records, bytes }) => {
      metrics.count('sink_records_dropped_total', { sink }, records);
      metrics.count('sink_bytes_dropped_total', { sink }, bytes);
    },
    accounting: busy.accounting,
    lane: busy.lane,
  };
}

function bridgeHandlers(metrics: Instruments, sources: readonly string[]): Pick<Handlers, BridgeFact> {
  return {
    'transcode-fallback': () => metrics.count('transcode_fallbacks_total', {}),
    'streams-standing': ({ streams, bySource }) => {
      metrics.set('streams', {}, streams);
      for (const source of sources) {
        for (const completeness of completenesses) {
          const known = bySource.get(source)?.[completeness] ?? 0;
          metrics.set('streams_by_completeness', { source, completeness }, known);
        }
      }
    },
    role: ({ role, reason }) => {
      metrics.set('bridge_active', {}, role === 'active' ? 1 : 0);
      if (reason === 'take-over') metrics.count('take_overs_total', {});
    },
    fenced: () => {
      metrics.set('bridge_active', {}, 0);
      metrics.count('fenced_total', {});
    },
    'lease-renewal': ({ outcome }) => metrics.count('lease_renewals_total', { outcome }),
    'lease-lapsed': () => metrics.count('lease_lapses_total', {}),
  };
}

function startBridge(metrics: Instruments): void {
  metrics.set('bridge_active', {}, 0);
  metrics.set('bridge_ready', {}, 0);
  const counted = ['transcode_fallbacks_total', 'take_overs_total', 'fenced_total', 'lease_lapses_total'] as const;
  for (const name of counted) metrics.count(name, {}, 0);
  for (const outcome of knownValues.renewal) metrics.count('lease_renewals_total', { outcome }, 0);
}

function startSource(metrics: Instruments, source: string): void {
  const plain = ['source_frames_total', 'source_frame_bytes_total', 'source_batches_total'] as const;
  const other = [
    'source_duplicates_total',
    'source_zombie_reconnects_total',
    'stream_missing_sequence_numbers_total',
    'stream_restarts_total',
  ] as const;
  for (const name of [...plain, ...other]) metrics.count(name, { source }, 0);
  for (const type of knownValues.type) metrics.count('source_events_total', { source, type }, 0);
  for (const reason of knownValues.undecodable) metrics.count('source_undecodable_total', { source, reason }, 0);
  for (const reason of knownValues.trouble) metrics.count('source_troubles_total', { source, reason }, 0);
  for (const joined of knownValues.joined) metrics.count('stream_starts_total', { source, joined }, 0);
  for (const reason of knownValues.gap) metrics.count('stream_gaps_total', { source, reason }, 0);
  for (const outcome of knownValues.replay) metrics.count('replay_requests_total', { source, outcome }, 0);
  metrics.count('replay_recovered_batches_total', { source }, 0);
  metrics.series('replay_duration_seconds', { source });
  for (const reason of knownValues.eviction) metrics.count('stream_evictions_total', { source, reason }, 0);
  for (const completeness of completenesses) metrics.set('streams_by_completeness', { source, completeness }, 0);
  metrics.set('source_peers', { source }, 0);
  metrics.set('streams_shared', { source }, 0);
}

function startSink(metrics: Instruments, sink: string): void {
  const delivered = ['sink_records_delivered_total', 'sink_bytes_delivered_total'] as const;
  const dropped = ['sink_records_dropped_total', 'sink_bytes_dropped_total'] as const;
  for (const name of [...delivered, ...dropped, 'sink_backpressure_seconds_total'] as const)
    metrics.count(name, { sink }, 0);
  for (const reason of knownValues.deadLetter) metrics.count('sink_dead_letters_total', { sink, reason }, 0);
  for (const fate of knownValues.fate) metrics.count('sink_batches_total', { sink, fate }, 0);
  for (const name of ['sink_up', 'sink_batches_queued', 'lane_bytes', 'lane_records', 'sink_lag_seconds'] as const)
    metrics.set(name, { sink }, 0);
  metrics.series('sink_delivery_latency_seconds', { sink });
  metrics.series('sink_bridge_latency_seconds', { sink });
}
