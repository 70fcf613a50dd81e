import type { Clock } from '../core/clock.ts';
import type { LaneConfig } from '../core/lane-settings.ts';
import type { Observe } from '../core/observer.ts';

export interface LaneBufferOptions {
  /** Name of the sink. */
  readonly name: string;
  readonly config: LaneConfig;
  /** Streams whose position in the sink is remembered. */
  readonly maxStreams: number;
  readonly observe: Observe;
  readonly clock: Clock;
}
