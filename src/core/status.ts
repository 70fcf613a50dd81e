import type { Arrival, Fate } from './fate.ts';
import type { Role } from './observer.ts';

/**
 * What `GET /statusz` answers and everything else that shows the state of a running bridge reads; the JSON Schema of it is
 * schemas/status.schema.json. Times are seconds since 1970 with milliseconds behind the point, sequence numbers and whatever
 * counts them are decimal strings.
 */
export interface Status {
  readonly name: string;
  readonly version: string;
  readonly role: Role;
  readonly started_at: number;
  readonly now: number;
  readonly ready: boolean;
  /** Sentences; empty when ready. */
  readonly reasons: readonly string[];
  /** The worst of all streams. */
  readonly completeness: Completeness;
  /** One for each socket: the data-parallel ranks of a source are several of one name. */
  readonly sources: readonly SourceStatus[];
  readonly streams: StreamsStatus;
  readonly sinks: readonly SinkStatus[];
  /** The newest control records, newest first, with tokens and raw bytes hidden. */
  readonly recent_controls: readonly Readonly<Record<string, unknown>>[];
  readonly weakened: readonly Weakness[];
}

/**
 * `degraded`: numbers are missing since its publisher began to count, or nobody can tell; `recovering`: it is being asked
 * for what is missing; `exact`: nothing is missing.
 */
export type Completeness = 'exact' | 'recovering' | 'degraded';
/** From best to worst. */
export const completenesses: readonly Completeness[] = ['exact', 'recovering', 'degraded'];

export type EventTotals = Readonly<Record<'BlockStored' | 'BlockRemoved' | 'AllBlocksCleared' | 'other', number>>;

export interface SourceStatus {
  readonly name: string;
  readonly endpoint: string;
  readonly mode: 'bind' | 'connect';
  readonly transport: 'zmtp' | 'libzmq';
  /** Prefixes that are subscribed to; empty: every topic. */
  readonly topics: readonly string[];
  readonly state: 'opening' | 'open' | 'closed';
  readonly peers: number;
  readonly frames: number;
  readonly bytes: number;
  readonly batches: number;
  readonly events: EventTotals;
  readonly undecodable: number;
  readonly duplicates: number;
  readonly last_frame_at: number | null;
  /** Smallest `received_at` - `ts` of the last minute; negative where the engine's clock is ahead. */
  readonly clock_skew_seconds: number | null;
  readonly last_trouble: TroubleStatus | null;
}

export interface TroubleStatus {
  readonly at: number;
  readonly reason: string;
  readonly message: string;
  /** IP address of the other end; null where the transport does not know it. */
  readonly peer: string | null;
}

export interface StreamsStatus {
  /** All that are known now. */
  readonly known: number;
  /** Length of `items`. */
  readonly shown: number;
  readonly items: readonly StreamStatus[];
}

export type StreamState = 'live' | 'recovering' | 'shared' | 'unsequenced' | 'resumed';

export interface PositionStatus {
  readonly epoch: number;
  /** Null before the first number. */
  readonly seq: string | null;
}

export interface StreamStatus {
  readonly id: string;
  readonly source: string;
  readonly topic: string;
  readonly pod: string | null;
  readonly model: string | null;
  readonly rank: string | null;
  /** IP address of its publisher; null where the transport does not know it. */
  readonly peer: string | null;
  /** `resumed`: known from a checkpoint, no frame in this run yet. */
  readonly state: StreamState;
  readonly completeness: Completeness;
  /** Null before its first frame. */
  readonly epoch: number | null;
  /** The last number seen. */
  readonly seq: string | null;
  readonly last_event_at: number | null;
  readonly events: number;
  readonly gaps: number;
  readonly missing: string;
  readonly recovered: string;
  readonly restarts: number;
  readonly duplicates: number;
  readonly undecodable: number;
  /** What each sink has settled; null before the first. */
  readonly sinks: Readonly<Record<string, PositionStatus | null>>;
}

export interface SinkStatus {
  readonly name: string;
  readonly state: 'connecting' | 'up' | 'down';
  /** Since when it is in this state. */
  readonly since: number;
  /** Of the error; null unless it is down. */
  readonly code: string | null;
  readonly message: string | null;
  readonly kind: 'transient' | 'destination' | 'reopen' | 'fenced' | 'closed' | null;
  /** The setting `delivery`; null where the sink has none. */
  readonly delivery: string | null;
  readonly lane: {
    readonly bytes: number;
    readonly limit_bytes: number;
    readonly records: number;
    readonly batches: number;
  };
  /** Age of the oldest batch in the lane; 0 when it is empty. */
  readonly lag_seconds: number;
  readonly last_settled_at: number | null;
  readonly records_delivered: number;
  readonly bytes_delivered: number;
  readonly retries: number;
  readonly dead_lettered: number;
  /** How long reading has waited for this lane. */
  readonly backpressure_seconds: number;
  /** Engine batches since the start, by what became of them; see docs/metrics.md. */
  readonly accounting: Readonly<Record<Arrival | Fate | 'queued', number>>;
}

/** A setting that takes something from the promise. */
export interface Weakness {
  readonly setting: string;
  readonly value: string;
  /** A sentence: what is not promised. */
  readonly why: string;
}

export const defaultStreams = 1_000;

export interface StatusQuery {
  /** At most this many streams; `defaultStreams` unless told, 0 for none, `Infinity` for all. */
  readonly streams?: number;
  /** Only streams whose id contains this. */
  readonly stream?: string;
}

/**
 * The state of the bridge, for `/statusz` and the page. `status` walks the streams that it shows (with `streams: 0` only to
 * judge them), so call it about once a second at most and ask for no more streams than are shown.
 */
export interface StatusSource {
  status(query?: StatusQuery): Status;
}
