export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** One configured place where frames come from. */
export interface SourceConfig {
  /** `[a-z0-9-]+`, unique. */
  readonly name: string;
  readonly mode: 'bind' | 'connect';
  /** `tcp://host:port` (bound: `*` for all interfaces) or `ipc://path`; with several ranks the one of rank 0. */
  readonly endpoint: string;
  /** Topic prefixes to subscribe to; empty = every topic. */
  readonly topics: readonly string[];
  /** Ranks of the engine behind it: rank r is on port + r. */
  readonly dataParallelSize: number;
  /** Whether each rank counts on its own or all ranks of a topic share one counter. */
  readonly sequenceScope: 'rank' | 'topic';
  /** Frames that libzmq holds per publisher; 0 = no limit. */
  readonly receiveHighWaterMark: number;
  /** A larger payload becomes an `Undecodable` record. */
  readonly maxFrameBytes: number;
}

/** The effective configuration: checked, complete, deeply frozen. Nothing else of the configuration reaches the app. */
export interface Config {
  readonly name: string;
  /** At least one; ports and names do not clash. */
  readonly sources: readonly SourceConfig[];
  /** Names of the enabled sinks: known, distinct, at least one. */
  readonly sinks: readonly string[];
  /** The section of each enabled sink, under the sink's name. */
  readonly sinkConfigs: Readonly<Record<string, unknown>>;
  readonly maxStreams: number;
  /** Milliseconds. */
  readonly streamTtl: number;
  /** Milliseconds. */
  readonly drainTimeout: number;
  readonly http: { readonly port: number | 'off'; readonly host: string };
  readonly log: { readonly level: LogLevel };
}
