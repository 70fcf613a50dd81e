import type { SinkErrorKind } from './errors.ts';
import type { Arrival, Fate } from './fate.ts';
import type { Completeness } from './status.ts';

/** Events of a batch by type; unknown types are `other`. */
export interface EventCounts {
  readonly BlockStored: number;
  readonly BlockRemoved: number;
  readonly AllBlocksCleared: number;
  readonly other: number;
}

/** Everything the bridge can report about itself; one adapter turns facts into metrics and log lines. */
export type Fact =
  | {
      readonly fact: 'source-open';
      readonly source: string;
      readonly endpoint: string;
      readonly mode: 'bind' | 'connect';
    }
  | { readonly fact: 'source-closed'; readonly source: string; readonly endpoint: string }
  /** Publishers connected to this socket, with the handshake done. */
  | { readonly fact: 'source-peers'; readonly source: string; readonly endpoint: string; readonly peers: number }
  /** A peer was turned away or a connection failed; `reason` is from a bounded set. */
  | {
      readonly fact: 'source-trouble';
      readonly source: string;
      readonly endpoint: string;
      /** IP address of the other end, where the transport knows it. */
      readonly peer?: string;
      readonly reason: string;
      readonly message: string;
    }
  /** A connection that libzmq had given up for ever was dialled anew; `attempt` counts since one lasted. */
  | { readonly fact: 'source-zombie'; readonly source: string; readonly endpoint: string; readonly attempt: number }
  /** `at`: when they came, milliseconds since 1970. */
  | {
      readonly fact: 'frame-received';
      readonly source: string;
      readonly endpoint: string;
      readonly frames: number;
      readonly bytes: number;
      readonly at: number;
    }
  /**
   * Decoded batches and the events in them; these numbers may change once the call is over. `engineTime`: the engine's own
   * time of a live one (of several the first), null where it has none. Milliseconds since 1970.
   */
  | {
      readonly fact: 'batch-accepted';
      readonly source: string;
      readonly endpoint: string;
      readonly batches: number;
      readonly events: EventCounts;
      readonly at: number;
      readonly engineTime: number | null;
    }
  /** A payload of a shape that the fast transcoder does not know: the reference implementation has read it. */
  | { readonly fact: 'transcode-fallback' }
  | {
      readonly fact: 'undecodable';
      readonly source: string;
      readonly endpoint: string;
      readonly stream: string;
      readonly reason: string;
    }
  | {
      readonly fact: 'duplicate';
      readonly source: string;
      readonly endpoint: string;
      readonly stream: string;
      readonly seq: bigint;
    }
  | {
      readonly fact: 'stream-started';
      readonly source: string;
      readonly stream: string;
      readonly joined: string;
      readonly streams: number;
    }
  | {
      readonly fact: 'stream-gap';
      readonly source: string;
      readonly stream: string;
      readonly from: bigint;
      readonly to: bigint;
      readonly reason: string;
    }
  /** A replay for a gap is over; `outcome`: `complete`, or why numbers stayed missing. */
  | {
      readonly fact: 'replay';
      readonly source: string;
      readonly stream: string;
      readonly outcome: 'complete' | 'replay_truncated' | 'replay_failed' | 'replay_timeout';
      readonly recovered: bigint;
      /** Milliseconds. */
      readonly durationMs: number;
    }
  | {
      readonly fact: 'stream-restarted';
      readonly source: string;
      readonly stream: string;
      readonly lastSeq: bigint | null;
    }
  | { readonly fact: 'stream-shared'; readonly source: string; readonly stream: string; readonly shared: boolean }
  | {
      readonly fact: 'stream-evicted';
      readonly source: string;
      readonly stream: string;
      readonly reason: 'idle' | 'limit';
      readonly shared: boolean;
      readonly streams: number;
    }
  /** How the known streams stand, by source; said when somebody asks. */
  | {
      readonly fact: 'streams-standing';
      readonly streams: number;
      readonly bySource: ReadonlyMap<string, Readonly<Record<Completeness, number>>>;
    }
  | { readonly fact: 'sink-up'; readonly sink: string }
  /** Sent once when a sink stops working and again when the kind or code of its error changes. */
  | {
      readonly fact: 'sink-down';
      readonly sink: string;
      readonly kind: SinkErrorKind;
      readonly code: string;
      readonly message: string;
    }
  | {
      readonly fact: 'sink-retry';
      readonly sink: string;
      readonly code: string;
      readonly attempt: number;
      readonly delay: number;
    }
  /** Every try that failed, whatever the lane does about it. */
  | { readonly fact: 'sink-error'; readonly sink: string; readonly kind: SinkErrorKind; readonly code: string }
  /**
   * How a lane stands, said when somebody asks: how long reading has waited for it since that was last said, and the age of
   * the oldest batch in it, 0 where it is empty; milliseconds.
   */
  | { readonly fact: 'lane-standing'; readonly sink: string; readonly waitedMs: number; readonly lagMs: number }
  /**
   * Records confirmed by the destination at `at`. In milliseconds, one entry per batch (of those that were received together
   * for the first): `latencies` since the engine's own time, where it has one; `stays` since it was received.
   */
  | {
      readonly fact: 'delivered';
      readonly sink: string;
      readonly records: number;
      readonly bytes: number;
      readonly at: number;
      readonly latencies: readonly number[];
      readonly stays: readonly number[];
    }
  | { readonly fact: 'dead-lettered'; readonly sink: string; readonly reason: string; readonly records: number }
  /** Batches that a full lane with `whenFull: drop` did not take. */
  | { readonly fact: 'dropped'; readonly sink: string; readonly records: number; readonly bytes: number }
  /** Something a sink mended or had to leave, that costs no record: a torn line cut back, an old segment it may not delete. */
  | { readonly fact: 'sink-note'; readonly sink: string; readonly code: string; readonly message: string }
  /** What waits in a lane now, the write in flight included; `batches`: engine batches, no control records. */
  | {
      readonly fact: 'lane';
      readonly sink: string;
      readonly bytes: number;
      readonly records: number;
      readonly batches: number;
    }
  /** Engine batches that came in for one sink, or what became of them; `batches` is never 0. */
  | { readonly fact: 'accounting'; readonly sink: string; readonly fate: Arrival | Fate; readonly batches: number }
  /** What this bridge now is among those of its name, and how it came to it. */
  | {
      readonly fact: 'role';
      readonly role: Exclude<Role, 'fenced'>;
      readonly reason: 'start' | 'take-over' | 'fenced';
    }
  /** Another bridge of this name has taken over; sent once per take-over. */
  | { readonly fact: 'fenced' }
  /** The active bridge has tried to renew its lease, which this sink keeps. */
  | {
      readonly fact: 'lease-renewal';
      readonly sink: string;
      readonly outcome: 'renewed' | 'failed' | 'fenced';
      /** Of the error; null where renewed. */
      readonly code: string | null;
      readonly message: string | null;
    }
  /** The last renewal is older than the lease counts, so that a standby may take over; sent once per lapse. */
  | { readonly fact: 'lease-lapsed'; readonly sink: string; readonly ttl: number };

/**
 * `standby`: receives nothing, waits until the active bridge of its name is gone. `fenced`: another bridge of its name has
 * taken over; writes nothing any more, and is about to end or to become a standby.
 */
export type Role = 'active' | 'standby' | 'fenced';

/** Called synchronously and often (per batch, never per event): must not throw and must not wait. */
export type Observe = (fact: Fact) => void;
