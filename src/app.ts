import type { Config, SourceConfig } from './config/config.ts';
import type { RecordForm } from './core/batch.ts';
import type { Clock } from './core/clock.ts';
import type { LaneConfig } from './core/lane-settings.ts';
import type { Fact, Observe } from './core/observer.ts';
import type { Sink, SinkModule } from './core/sink.ts';
import type { Source } from './core/source.ts';
import type { HttpServer } from './http/server.ts';
import { startHttp } from './http/server.ts';
import { rankEndpoint } from './ingress/endpoint.ts';
import { ZmqReplayClient } from './ingress/replay-client.ts';
import { replayTarget } from './ingress/replay-target.ts';
import { Turns } from './ingress/replay-turns.ts';
import { ZmqSource } from './ingress/zmq-source.ts';
import { fingerprintOf } from './pipeline/fingerprint.ts';
import { Intake } from './pipeline/intake.ts';
import { Lane } from './pipeline/lane.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { Recoverer } from './pipeline/recoverer.ts';
import { StreamTable } from './pipeline/streams.ts';
import { logFacts } from './telemetry/facts-log.ts';
import { Health } from './telemetry/health.ts';
import type { Log } from './telemetry/log.ts';
import { Metrics } from './telemetry/metrics.ts';

export interface AppSurroundings {
  readonly modules: readonly SinkModule[];
  /** Of the program, for `build_info`. */
  readonly version: string;
  readonly log: Log;
  readonly stdout: NodeJS.WritableStream;
  readonly clock: Clock;
  /** 0 <= r < 1; spreads retries. */
  readonly random: () => number;
}

/** Per sink, the records that could not be written before the drain deadline. */
export type StopReport = ReadonlyMap<string, number>;

/** libzmq ends the connection of a publisher that exceeds it, so it is far above what we refuse message by message. */
const hardMessageLimit = 268_435_456;
/** What a healthy lane may still take when another one has used up the drain time, ms. */
const grace = 1_000;

/** The running bridge: the only place that knows which concrete parts it is made of. */
export class App {
  readonly #config: Config;
  readonly #around: AppSurroundings;
  readonly #health: Health;
  readonly #metrics: Metrics;
  readonly #observe: Observe;
  readonly #sinks: Sink[] = [];
  readonly #lanes: Lane[] = [];
  readonly #sources: readonly Source[];
  readonly #recoverer: Recoverer;
  #http: HttpServer | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #onClosed: () => void = () => undefined;
  /** Nobody reads stdout any more. */
  readonly #closed: Promise<void>;

  constructor(config: Config, around: AppSurroundings) {
    this.#config = config;
    this.#around = around;
    this.#closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#sources = config.sources.flatMap((source) => this.#socketsOf(source));
    this.#health = new Health({ sources: this.#sources.length, sinks: config.sinks });
    this.#metrics = new Metrics({
      sources: config.sources.map(({ name }) => name),
      sinks: config.sinks,
      laneLimits: Object.fromEntries(config.sinks.map((name) => [name, this.#laneConfig(name).laneBytes])),
      version: around.version,
    });
    const observers = [this.#metrics.observe, this.#health.observe, logFacts(around.log, around.clock.now)];
    this.#observe = (fact: Fact) => {
      for (const observer of observers) observer(fact);
    };
    this.#recoverer = this.#makeRecoverer();
  }

  /** For what the process around the bridge has to tell. */
  get observe(): Observe {
    return this.#observe;
  }

  /** Where HTTP listens; undefined when it is off. */
  get httpAddress(): string | undefined {
    return this.#http?.address;
  }

  /**
   * From the far end to the near one: probes, sinks, sources. Throws a `BridgeError` when a port or endpoint cannot be
   * used; `stop` then releases what is open. Sinks may be away: their lanes connect in the background.
   */
  async start(): Promise<void> {
    await this.#startHttp();
    for (const name of this.#config.sinks) this.#lanes.push(await this.#lane(name));
    for (const lane of this.#lanes) lane.start(() => this.#onClosed());
    for (const source of this.#sources) await source.open();
  }

  /**
   * Reads until `stop`, or until nobody reads stdout any more. Rejects when a source fails.
   */
  async run(): Promise<void> {
    const pipeline = this.#pipeline();
    const readers = this.#sources.map((source) => pipeline.read(source));
    // When one source fails the others are still reading: lanes must not end before they have stopped, too.
    this.#reading = Promise.allSettled(readers);
    await Promise.race([Promise.all(readers), this.#closed]);
  }

  /** From the near end to the far one: stop receiving, drain within the configured time, close. */
  async stop(): Promise<StopReport> {
    this.#health.draining();
    for (const source of this.#sources) source.stop();
    const until = this.#around.clock.now() + this.#config.drainTimeout;
    // Replays are given up first: a source may be waiting until the frames that they hold are released.
    const recovering = this.#recoverer.stop();
    const received = Promise.all([this.#reading, recovering]);
    // The frame in hand may be waiting for room in a full lane, and so may the released ones.
    await within(this.#config.drainTimeout, async (late) => Promise.race([received, aborted(late)]));
    const rest = Math.max(until - this.#around.clock.now(), grace);
    await within(rest, (late) => Promise.all(this.#lanes.map((lane) => lane.finish(late))));
    await received;
    await Promise.all([...this.#sources, ...this.#sinks].map((part) => part.close()));
    await this.#http?.close();
    return new Map(this.#lanes.map((lane) => [lane.name, lane.unwritten]));
  }

  async #startHttp(): Promise<void> {
    const { host, port } = this.#config.http;
    if (port === 'off') return;
    this.#http = await startHttp(
      { host, port },
      {
        readiness: () => this.#health.readiness(),
        metrics: async () => ({ body: await this.#metrics.text(), contentType: this.#metrics.contentType }),
      },
    );
  }

  async #lane(name: string): Promise<Lane> {
    const { modules, stdout, clock, random } = this.#around;
    const module = modules.find((candidate) => candidate.name === name);
    if (module === undefined) throw new Error(`sink "${name}" is configured but not registered`);
    const config = this.#config.sinkConfigs[name] as Parameters<typeof module.create>[0];
    const sink = await module.create(config, { bridge: this.#config.name, stdout, observe: this.#observe });
    this.#sinks.push(sink);
    return new Lane({ name, sink, config: this.#laneConfig(name), observe: this.#observe, clock, random });
  }

  /** Every sink's section has the settings of its lane. */
  #laneConfig(name: string): LaneConfig {
    return this.#config.sinkConfigs[name] as LaneConfig;
  }

  #pipeline(): Pipeline {
    const { maxStreams, streamTtl, sources } = this.#config;
    const intake = new Intake({
      streams: new StreamTable({ maxStreams, streamTtl }, this.#observe),
      forms: new Set<RecordForm>(this.#lanes.map((lane) => lane.form)),
      rules: new Map(sources.map((source) => [source.name, source])),
      canReplay: (entry, now) => this.#recoverer.canReplay(entry, now),
      observe: this.#observe,
    });
    return new Pipeline(intake, this.#lanes, this.#recoverer);
  }

  #makeRecoverer(): Recoverer {
    const { allow, idleTimeout, budget, cooldown, pause, concurrency, maxBytes, heldBytes } = this.#config.replay;
    const targets = new Map(this.#config.sources.map((source) => [source.name, replayTarget({ ...source, allow })]));
    return new Recoverer({
      endpointOf: (stream) => targets.get(stream.source)?.(stream) ?? null,
      client: new ZmqReplayClient({ maxMessageSize: hardMessageLimit, concurrency, timeouts: { idle: idleTimeout } }),
      limits: { maxBytes, budget, pause },
      turns: new Turns(concurrency),
      fingerprint: fingerprintOf,
      heldBytes,
      cooldown,
      clock: this.#around.clock,
      observe: this.#observe,
    });
  }

  /** One socket per endpoint: rank r of a data-parallel engine is on port + r. */
  #socketsOf({ name, mode, endpoint, topics, receiveHighWaterMark, dataParallelSize }: SourceConfig): Source[] {
    return Array.from({ length: dataParallelSize }, (_, rank) => {
      const topicsOrAll = topics.length === 0 ? [''] : topics;
      const options = { name, mode, topics: topicsOrAll, receiveHighWaterMark, maxMessageSize: hardMessageLimit };
      return new ZmqSource({ ...options, endpoint: rankEndpoint(endpoint, rank) }, (fact) => this.#observe(fact));
    });
  }
}

/** Does the work; the signal aborts after `ms` milliseconds. */
async function within<T>(ms: number, work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  try {
    return await work(late.signal);
  } finally {
    clearTimeout(timer);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
