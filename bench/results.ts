import type { Latency, Throughput } from './measure/run.ts';
import type { SinkName } from './targets/target.ts';

interface Cell {
  readonly profile: string;
  readonly sink: SinkName;
  readonly candidate: string;
  readonly round: number;
  /** Why there is no figure. */
  readonly failure: string | null;
}

export interface ThroughputRow extends Cell {
  readonly figures: Throughput | null;
}

export interface LatencyRow extends Cell {
  readonly figures: Latency | null;
}

export interface MicroRow {
  readonly what: string;
  readonly implementation: string;
  readonly profile: string;
  readonly batchesPerSecond: number;
  readonly tokensPerSecond: number;
  /** Of what comes out. */
  readonly megabytesPerSecond: number;
}

export interface GrowthRow {
  readonly axis: string;
  readonly value: number;
  readonly figures: Throughput;
  readonly frameBytes: number;
}

export interface Results {
  readonly throughput: readonly ThroughputRow[];
  readonly latency: readonly LatencyRow[];
  readonly micro: readonly MicroRow[];
  readonly growth: readonly GrowthRow[];
}
