/** One record as a consumer got it, and when, in milliseconds since 1970. */
export interface Arrival {
  readonly record: string;
  readonly at: number;
}

/** What a candidate must know to write there. */
export type Address =
  | { readonly sink: 'stdout'; readonly fd: number }
  | { readonly sink: 'redis'; readonly port: number; readonly key: string }
  | { readonly sink: 'kafka'; readonly brokers: readonly string[]; readonly topic: string };

/** A fresh, empty place for the records of one run. */
export interface Destination {
  readonly address: Address;
  /** How many records a consumer could read now; asked often, so it must be cheap. */
  count(): Promise<number>;
  /** Hands over every record, after the run. */
  read(take: (record: string) => void): Promise<void>;
  /** Consumes from now on, as records come; the function returned ends that. */
  watch(take: (arrival: Arrival) => void): Promise<() => Promise<void>>;
  remove(): Promise<void>;
}

/** A kind of sink, with the server it needs. */
export interface Target {
  /** For the report: what runs there. */
  readonly version: string;
  prepare(): Promise<Destination>;
  close(): Promise<void>;
}

export const sinkNames = ['stdout', 'redis', 'kafka'] as const;
export type SinkName = (typeof sinkNames)[number];
