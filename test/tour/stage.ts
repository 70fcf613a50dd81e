import type { Browser } from 'playwright-core';
import { Bridge, Program } from '../e2e/bridge.ts';
import { launchBrowser } from '../page/browser.ts';
import { startKafka } from '../support/services/kafka.ts';
import { Prometheus } from '../support/services/prometheus.ts';
import type { RedisOptions, RedisService } from '../support/services/redis.ts';
import { startRedis } from '../support/services/redis.ts';

type Env = Readonly<Record<string, string>>;

/** Who looks on, and everything that a fault starts. */
export class Stage {
  readonly browser: Browser;
  readonly prometheus: Prometheus;
  /** Takes longest to start: it does so while the first faults are shown. */
  readonly kafka = startKafka();
  readonly #watched: string[] = [];
  readonly #ends: (() => Promise<unknown>)[] = [];

  private constructor(browser: Browser, prometheus: Prometheus) {
    this.browser = browser;
    this.prometheus = prometheus;
    // Whoever needs it gets the error.
    this.kafka.catch(() => undefined);
  }

  /** With a real browser, and a real Prometheus whose alerts do not wait for their `for`. */
  static async open(): Promise<Stage> {
    const browser = await launchBrowser();
    const prometheus = await Prometheus.start({ impatient: true }).catch(async (error: unknown) => {
      await browser.close();
      throw error;
    });
    return new Stage(browser, prometheus);
  }

  /** A bridge that runs, watched by Prometheus from its start. */
  async bridge(env: Env): Promise<Bridge> {
    const bridge = await Bridge.start(env);
    this.onEnd(() => bridge.stop('SIGKILL'));
    this.#watched.push(hostOf(bridge));
    this.prometheus.watch(...this.#watched);
    return bridge;
  }

  /** A simulated engine that goes on until it is ended. */
  engine(...args: readonly string[]): Program {
    const engine = new Program('simulate', { args: ['--rate', '20', '--pod', 'pod-0', ...args] });
    this.onEnd(() => engine.stop('SIGKILL'));
    return engine;
  }

  /** An empty one. */
  async redis(options: RedisOptions = {}): Promise<RedisService> {
    const redis = await startRedis(options);
    this.onEnd(() => redis.remove());
    return redis;
  }

  onEnd(end: () => Promise<unknown>): void {
    this.#ends.push(end);
  }

  /** Ends what the last fault has started. */
  async clear(): Promise<void> {
    this.#watched.length = 0;
    for (const end of this.#ends.splice(0).reverse()) await end();
  }

  async close(): Promise<void> {
    await this.clear();
    const kafka = this.kafka.then(
      (service) => service.remove(),
      () => undefined,
    );
    await Promise.all([this.browser.close(), this.prometheus.stop(), kafka]);
  }
}

export function hostOf(bridge: Bridge): string {
  return new URL(bridge.http ?? '').host;
}
