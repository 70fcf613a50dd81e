import type { Config } from './config/config.ts';
import type { LaneConfig } from './core/lane-settings.ts';
import type { Observe } from './core/observer.ts';
import type { HttpServer } from './http/server.ts';
import { startHttp } from './http/server.ts';
import { Balance } from './telemetry/balance.ts';
import { logFacts } from './telemetry/facts-log.ts';
import { Health } from './telemetry/health.ts';
import type { Log } from './telemetry/log.ts';
import { Metrics } from './telemetry/metrics.ts';
import type { TurnSurroundings } from './turn.ts';
import { BridgeTurn } from './turn.ts';

export interface AppSurroundings extends Omit<TurnSurroundings, 'observe'> {
  /** Of the program, for `build_info`. */
  readonly version: string;
  readonly log: Log;
}

/** What lives as long as the process: probes, metrics, logs. The way of the data is made anew for each turn. */
export class App {
  readonly #config: Config;
  readonly #around: AppSurroundings;
  readonly #health: Health;
  readonly #metrics: Metrics;
  readonly #balance: Balance;
  readonly #observers: readonly Observe[];
  #http: HttpServer | undefined;

  constructor(config: Config, around: AppSurroundings) {
    this.#config = config;
    this.#around = around;
    const sockets = config.sources.reduce((sum, { dataParallelSize }) => sum + dataParallelSize, 0);
    this.#health = new Health({ sources: sockets, sinks: config.sinks });
    this.#metrics = new Metrics({
      sources: config.sources.map(({ name }) => name),
      sinks: config.sinks,
      laneLimits: Object.fromEntries(config.sinks.map((name) => [name, laneConfig(config, name).laneBytes])),
      version: around.version,
    });
    this.#balance = new Balance(config.sinks);
    const log = logFacts(around.log, around.clock.now);
    this.#observers = [this.#metrics.observe, this.#health.observe, this.#balance.observe, log];
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

  /** The next turn; opens nothing yet. */
  begin(): BridgeTurn {
    return new BridgeTurn(this.#config, { ...this.#around, observe: this.observe });
  }

  /** From now on not ready, for good. */
  drain(): void {
    this.#health.draining();
  }

  async close(): Promise<void> {
    await this.#http?.close();
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

/** Every sink's section has the settings of its lane. */
function laneConfig(config: Config, name: string): LaneConfig {
  return config.sinkConfigs[name] as LaneConfig;
}
