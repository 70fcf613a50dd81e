import { completenessOf, shownControls, sinkPlansOf, socketPlansOf, weakenedSettings } from './app-status.ts';
import type { Config } from './config/config.ts';
import { weaknessesOf } from './config/weaknesses.ts';
import type { Observe } from './core/observer.ts';
import type { Status, StatusQuery, StatusSource, Weakness } from './core/status.ts';
import { defaultStreams } from './core/status.ts';
import type { HttpServer } from './http/server.ts';
import { startHttp } from './http/server.ts';
import { Tap } from './http/tap.ts';
import { streamsStatus } from './pipeline/stream-status.ts';
import { Balance } from './telemetry/balance.ts';
import { logFacts } from './telemetry/facts-log.ts';
import { Health } from './telemetry/health.ts';
import type { Log } from './telemetry/log.ts';
import { Metrics } from './telemetry/metrics.ts';
import { SinkBoard } from './telemetry/sink-board.ts';
import { SourceBoard } from './telemetry/source-board.ts';
import type { TurnStanding, TurnSurroundings } from './turn.ts';
import { BridgeTurn } from './turn.ts';

export interface AppSurroundings extends Omit<TurnSurroundings, 'observe' | 'tap'> {
  /** Of the program, for `build_info`. */
  readonly version: string;
  readonly log: Log;
}

/** What lives as long as the process: probes, metrics, logs. The way of the data is made anew for each turn. */
export class App implements StatusSource {
  readonly #config: Config;
  readonly #around: AppSurroundings;
  readonly #health: Health;
  readonly #metrics: Metrics;
  readonly #balance: Balance;
  readonly #sources: SourceBoard;
  readonly #sinks: SinkBoard;
  readonly #weakened: readonly Weakness[];
  readonly #startedAt: number;
  /** The present one, or the last. */
  #turn: BridgeTurn | undefined;
  readonly #tap = new Tap();
  readonly #observers: readonly Observe[];
  #http: HttpServer | undefined;

  constructor(config: Config, around: AppSurroundings) {
    this.#config = config;
    this.#around = around;
    const { now } = around.clock;
    const { sinks, degradedAfter } = config;
    this.#startedAt = now();
    this.#weakened = weaknessesOf(config);
    const sockets = socketPlansOf(config);
    const plans = sinkPlansOf(config);
    this.#health = new Health({ sources: sockets.length, sinks, degradedAfter, now });
    this.#metrics = new Metrics({
      sources: config.sources.map(({ name }) => name),
      sinks,
      laneLimits: Object.fromEntries(plans.map(({ name, limitBytes }) => [name, limitBytes])),
      version: around.version,
      weakened: weakenedSettings(this.#weakened),
      now,
    });
    this.#balance = new Balance(sinks);
    this.#sources = new SourceBoard(sockets, this.#metrics.traffic, now);
    this.#sinks = new SinkBoard(plans, this.#health, this.#balance);
    const watching = [this.#metrics, this.#health, this.#balance, this.#sources, this.#sinks];
    this.#observers = [...watching.map(({ observe }) => observe), logFacts(around.log, now)];
  }

  /** For what the process around the bridge has to tell. */
  readonly observe: Observe = (fact) => {
    switch (fact.fact) {
      // Facts of every batch: only to those that listen to them.
      case 'frame-received':
      case 'batch-accepted':
        this.#metrics.observe(fact);
        return;
      case 'accounting':
      case 'lane':
        this.#metrics.observe(fact);
        this.#balance.observe(fact);
        this.#sinks.observe(fact);
        return;
      default:
        for (const observer of this.#observers) observer(fact);
    }
    if (fact.fact === 'duplicate') this.#accountForDuplicate();
  };

  /** Where HTTP listens; undefined when it is off. */
  get httpAddress(): string | undefined {
    return this.#http?.address;
  }

  /** Per sink, what became of all batches. */
  get accounting(): ReturnType<Balance['summary']> {
    return this.#balance.summary();
  }

  /** Opens the probes. Throws a `BridgeError` when the port cannot be used. */
  async start(): Promise<void> {
    const { host, port, tokens } = this.#config.http;
    if (port === 'off') return;
    this.#http = await startHttp(
      { host, port },
      {
        readiness: () => this.#health.readiness(),
        metrics: () => this.#exposition(),
        status: this,
        tap: this.#tap,
        tokens,
      },
    );
  }

  /** The next turn; opens nothing yet. */
  begin(): BridgeTurn {
    this.#turn = new BridgeTurn(this.#config, { ...this.#around, observe: this.observe, tap: this.#tap });
    return this.#turn;
  }

  /** From now on not ready, for good. */
  drain(): void {
    this.#health.draining();
  }

  async close(): Promise<void> {
    await this.#http?.close();
  }

  status({ streams = defaultStreams, stream = '' }: StatusQuery = {}): Status {
    const standing = this.#turn?.standing() ?? nothing;
    const { ready, role, reasons } = this.#health.readiness();
    return {
      name: this.#config.name,
      version: this.#around.version,
      role,
      started_at: this.#startedAt / 1_000,
      now: this.#around.clock.now() / 1_000,
      ready,
      reasons,
      completeness: completenessOf(standing.streams.bySource),
      sources: this.#sources.status(),
      streams: streamsStatus(standing.streams, standing.lanes, { limit: streams, text: stream }),
      sinks: this.#sinks.status(),
      recent_controls: shownControls(standing.controls),
      weakened: this.#weakened,
    };
  }

  async #exposition(): Promise<{ readonly body: string; readonly contentType: string }> {
    this.#turn?.standing();
    this.#metrics.ready = this.#health.readiness().ready;
    return { body: await this.#metrics.text(), contentType: this.#metrics.contentType };
  }

  /** What the sequence check drops never reaches a lane. */
  #accountForDuplicate(): void {
    for (const sink of this.#config.sinks) {
      for (const fate of ['received', 'duplicate'] as const) {
        this.observe({ fact: 'accounting', sink, fate, batches: 1 });
      }
    }
  }
}

/** Before the first turn. */
const nothing: TurnStanding = { lanes: new Map(), streams: { bySource: new Map(), entries: [] }, controls: [] };
