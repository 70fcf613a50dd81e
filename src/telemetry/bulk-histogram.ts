import { Histogram } from 'prom-client';
import type { Labels } from './instruments.ts';

/** One label set of a histogram. */
export class Series {
  readonly labels: Labels;
  readonly #bounds: readonly number[];
  /** Of each bucket alone; the last one is above all bounds. */
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** Negative values count as 0: a sum must not go down. */
  add(value: number): void {
    const counted = Math.max(value, 0);
    let bucket = 0;
    while (counted > (this.#bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += counted;
  }

  /** As Prometheus wants it, for a metric of this name. */
  values(name: string): Value[] {
    const { labels } = this;
    let below = 0;
    const buckets = this.#bounds.map((le, index) => {
      below += this.#counts[index] ?? 0;
      return { labels: { le, ...labels }, value: below, metricName: `${name}_bucket` };
    });
    return [
      ...buckets,
      { labels: { le: '+Inf', ...labels }, value: this.#count, metricName: `${name}_bucket` },
      { labels, value: this.#sum, metricName: `${name}_sum` },
      { labels, value: this.#count, metricName: `${name}_count` },
    ];
  }
}

interface Value {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName: string;
}

/** The library looks its labels up anew for each value; these take one per batch. */
export class BulkHistogram extends Histogram {
  readonly #series = new Map<string, Series>();
  readonly #options: { readonly name: string; readonly help: string; readonly buckets: readonly number[] };

  constructor(options: { name: string; help: string; labelNames: string[]; buckets: number[]; registers: Registries }) {
    super(options);
    this.#options = options;
  }

  series(labels: Labels): Series {
    const key = Object.values(labels).join(' ');
    const known = this.#series.get(key) ?? new Series(labels, this.#options.buckets);
    this.#series.set(key, known);
    return known;
  }

  override async get(): ReturnType<Histogram['get']> {
    const { name, help } = this.#options;
    const values = [...this.#series.values()].flatMap((series) => series.values(name));
    return { name, help, type: 'histogram', values, aggregator: 'sum' } as unknown as Awaited<
      ReturnType<Histogram['get']>
    >;
  }

  /** What the registry asks for its text, where there is one; it would be the library's own empty series. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get();
  }
}

type Registries = NonNullable<ConstructorParameters<typeof Histogram>[0]['registers']>;
