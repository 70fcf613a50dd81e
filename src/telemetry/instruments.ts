import type { Registry } from 'prom-client';
import { Counter, Gauge } from 'prom-client';
import type { Series } from './bulk-histogram.ts';
import { BulkHistogram } from './bulk-histogram.ts';
import type { MetricName, MetricSpec } from './catalogue.ts';
import { catalogue, prefix } from './catalogue.ts';

export type Labels = Readonly<Record<string, string>>;

/** Label values beyond this many per metric count as `other`: what comes from outside must not fill Prometheus. */
const maxValues = 64;

/** What was counted since the last flush; whoever has it adds to `amount`. */
export interface Tally {
  readonly name: MetricName;
  readonly labels: Labels;
  amount: number;
}

/** The metrics of the catalogue in one registry, addressed by name. */
export class Instruments {
  readonly #tallies = new Map<string, Tally>();
  /** Of counters that somebody else keeps. */
  readonly #totals = new Map<string, number>();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, BulkHistogram>();
  readonly #seen = new Map<string, Set<string>>();

  constructor(registry: Registry) {
    for (const [name, spec] of Object.entries<MetricSpec>(catalogue)) this.#make(registry, name, spec);
  }

  count(name: MetricName, labels: Labels, amount = 1): void {
    this.#counters.get(name)?.inc(this.#bounded(name, labels), amount);
  }

  /** A counter that somebody else keeps: brings it to this total. */
  raise(name: MetricName, labels: Labels, total: number): void {
    const key = `${name} ${Object.values(labels).join(' ')}`;
    const before = this.#totals.get(key) ?? 0;
    this.#totals.set(key, Math.max(before, total));
    if (total > before) this.count(name, labels, total - before);
  }

  /** A counter for what happens with every batch: takes effect at `flush`. The labels must be known ones. */
  tally(name: MetricName, labels: Labels): Tally {
    const key = `${name} ${Object.values(labels).join(' ')}`;
    const tally = this.#tallies.get(key) ?? { name, labels, amount: 0 };
    this.#tallies.set(key, tally);
    return tally;
  }

  /** Brings the counters up to date. */
  flush(): void {
    for (const tally of this.#tallies.values()) {
      if (tally.amount > 0) this.count(tally.name, tally.labels, tally.amount);
      tally.amount = 0;
    }
  }

  set(name: MetricName, labels: Labels, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  add(name: MetricName, labels: Labels, difference: number): void {
    this.#gauges.get(name)?.inc(labels, difference);
  }

  /** A gauge without a value is not shown. */
  unset(name: MetricName, labels: Labels): void {
    this.#gauges.get(name)?.remove(labels);
  }

  /** Of a histogram; its buckets are shown from now on. */
  series(name: MetricName, labels: Labels): Series | undefined {
    return this.#histograms.get(name)?.series(labels);
  }

  #make(registry: Registry, name: string, spec: MetricSpec): void {
    const options = { name: prefix + name, help: spec.help, labelNames: [...spec.labels], registers: [registry] };
    if (spec.kind === 'counter') this.#counters.set(name, new Counter(options));
    else if (spec.kind === 'gauge') this.#gauges.set(name, new Gauge(options));
    else this.#histograms.set(name, new BulkHistogram({ ...options, buckets: [...(spec.buckets ?? [])] }));
  }

  #bounded(name: string, labels: Labels): Labels {
    const entries = Object.entries(labels).map(([label, value]) => [label, this.#known(`${name} ${label}`, value)]);
    return Object.fromEntries(entries) as Labels;
  }

  #known(key: string, value: string): string {
    const seen = this.#seen.get(key) ?? new Set();
    this.#seen.set(key, seen);
    if (seen.has(value)) return value;
    if (seen.size >= maxValues) return 'other';
    seen.add(value);
    return value;
  }
}
