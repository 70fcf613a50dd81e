import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../ports.ts';
import { cacheFolder, installOnce, NativeProcess } from './service.ts';
import { onPath, unpack } from './unpack.ts';

export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

const wanted = {
  packages: ['prometheus'],
  // Its programs need the C library alone; what the package asks for is the look of its pages.
  dependencies: false,
  remedy: 'tests need Prometheus: have prometheus and promtool on PATH',
};

/** `prometheus` and `promtool` of this machine; without them, unpacked from Debian's package into the cache. */
export async function prometheusPrograms(): Promise<PrometheusPrograms> {
  const prometheus = await onPath('prometheus');
  const promtool = await onPath('promtool');
  if (prometheus !== null && promtool !== null) return { prometheus, promtool };
  const folder = join(cacheFolder(), 'prometheus');
  const root = await installOnce(folder, () => unpack(folder, wanted));
  return { prometheus: join(root, 'usr/bin/prometheus'), promtool: join(root, 'usr/bin/promtool') };
}

const ruleFile = join(import.meta.dirname, '../../../monitoring/prometheus/rules.yaml');

export interface PrometheusOptions {
  /** `host:port` of each bridge; more by `watch`. */
  readonly targets?: readonly string[];
  /** Alerts fire at the first evaluation that finds something: no `for`. */
  readonly impatient?: boolean;
}

/** One series of an instant query. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  /** Not a number where a quantile has nothing to judge. */
  readonly value: number;
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

export interface RuleState {
  readonly name: string;
  readonly type: 'alerting' | 'recording';
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
}

/** A Prometheus that scrapes bridges and evaluates the project's rules four times a second. */
export class Prometheus {
  readonly #process: NativeProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(process: NativeProcess, folder: string, url: string) {
    this.#process = process;
    this.#folder = folder;
    this.#url = url;
  }

  static async start(options: PrometheusOptions): Promise<Prometheus> {
    const { prometheus } = await prometheusPrograms();
    const folder = mkdtempSync(join(tmpdir(), 'kv-prometheus-'));
    const rules = readFileSync(ruleFile, 'utf8');
    writeFileSync(join(folder, 'rules.yaml'), options.impatient ? rules.replaceAll(/^ +for: .*\n/gm, '') : rules);
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    writeTargets(folder, options.targets ?? []);
    const address = `127.0.0.1:${await freePorts()}`;
    const args = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ];
    const isReady = async () => (await fetch(`http://${address}/-/ready`)).ok;
    const process = new NativeProcess({ command: prometheus, args, log: join(folder, 'log'), isReady });
    await process.start();
    return new Prometheus(process, folder, `http://${address}`);
  }

  /** From now on it scrapes these bridges, and no others. */
  watch(...targets: readonly string[]): void {
    writeTargets(this.#folder, targets);
  }

  async query(expr: string): Promise<readonly Sample[]> {
    const { result } = await this.#ask<{ result: { metric: Sample['metric']; value: [number, string] }[] }>(
      `query?${new URLSearchParams({ query: expr })}`,
    );
    return result.map(({ metric, value: [, text] }) => ({ metric, value: Number(text) }));
  }

  labelValues(label: string, selector: string): Promise<readonly string[]> {
    return this.#ask(`label/${label}/values?${new URLSearchParams({ 'match[]': selector })}`);
  }

  async alerts(): Promise<readonly Alert[]> {
    return (await this.#ask<{ alerts: Alert[] }>('alerts')).alerts;
  }

  async rules(): Promise<readonly RuleState[]> {
    const { groups } = await this.#ask<{ groups: { rules: RuleState[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    await this.#process.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ask<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${decodeURIComponent(path)}: ${answer.error}`);
    return answer.data;
  }
}

const config = {
  global: { scrape_interval: '250ms', scrape_timeout: '250ms', evaluation_interval: '250ms' },
  rule_files: ['rules.yaml'],
  scrape_configs: [{ job_name: 'kv-event-bridge', file_sd_configs: [{ files: ['targets.json'] }] }],
};

/** By a rename: it reads the file as soon as it changes. */
function writeTargets(folder: string, targets: readonly string[]): void {
  writeFileSync(join(folder, 'targets.json.new'), JSON.stringify([{ targets }]));
  renameSync(join(folder, 'targets.json.new'), join(folder, 'targets.json'));
}
