import type { Security } from '../core/security.ts';
import type { Identity } from '../core/stream.ts';

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
  /** What tells its engines apart, beside their ranks. */
  readonly identity: Identity;
  /** Who speaks ZeroMQ; `auto`: `zmtp` for tcp, `libzmq` for ipc and CURVE. */
  readonly transport: 'auto' | 'zmtp' | 'libzmq';
  /** Frames that libzmq holds per publisher; 0 = no limit. */
  readonly receiveHighWaterMark: number;
  /** Milliseconds between two heartbeats; 0 = none. */
  readonly heartbeatInterval: number;
  /** Milliseconds without an answer to a heartbeat until the engine counts as hanging. */
  readonly heartbeatTimeout: number;
  /** What its engines and it make sure of each other by, for replays as well. */
  readonly security: Security;
  /** A larger payload becomes an `Undecodable` record. */
  readonly maxFrameBytes: number;
  /**
   * Where the publishers answer replays, rank 0's; null: nowhere. `tcp://{pod_host}:port`, only where bound, stands for
   * the pod of a topic.
   */
  readonly replay: string | null;
}

/** Addresses `address`/`prefix`. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** How gaps are filled, for all sources; times in milliseconds. */
export interface ReplayConfig {
  /** Where `{pod_host}` may point. */
  readonly allow: readonly Network[];
  /** Silence between two answers that ends an attempt. */
  readonly idleTimeout: number;
  /** For one gap, all attempts together. */
  readonly budget: number;
  /** No replay of a stream for this long after one that did not bring everything. */
  readonly cooldown: number;
  /** Between attempts that brought nothing. */
  readonly pause: number;
  /** Attempts at the same time. */
  readonly concurrency: number;
  /** Answers that one attempt holds. */
  readonly maxBytes: number;
  /** Live frames that wait for gaps before them. */
  readonly heldBytes: number;
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
  readonly replay: ReplayConfig;
  readonly maxStreams: number;
  /** Milliseconds. */
  readonly streamTtl: number;
  /** Milliseconds. */
  readonly drainTimeout: number;
  /** Begins by waiting until the active bridge of this name is gone. */
  readonly standby: boolean;
  /** What to do once another bridge of this name has taken over. */
  readonly onFenced: 'exit' | 'standby';
  /** How long one renewal of the lease counts, milliseconds. */
  readonly leaseTtl: number;
  /** How long the start waits for the checkpoints of at-least-once sinks, milliseconds. */
  readonly checkpointWait: number;
  /** How long a sink that worked may be away before the bridge is not ready, milliseconds. */
  readonly degradedAfter: number;
  readonly http: { readonly port: number | 'off'; readonly host: string; readonly tokens: boolean };
  readonly log: { readonly level: LogLevel };
}
