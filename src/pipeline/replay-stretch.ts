import type { ReplayedFrame } from '../core/replay.ts';

/** Why numbers of a range could not be had. */
export type LossReason = 'replay_truncated' | 'replay_failed' | 'replay_timeout';

/** One stretch of what came, ready to be passed on before more is asked for. */
export type Stretch =
  | { readonly kind: 'frames'; readonly frames: readonly ReplayedFrame[] }
  | Lost
  /** The publisher is another incarnation than that of the known numbers before the range; nothing more follows. */
  | { readonly kind: 'restarted' };

export interface Lost {
  readonly kind: 'lost';
  readonly from: bigint;
  readonly to: bigint;
  readonly reason: LossReason;
  /** Somebody answered, but another incarnation or publisher. */
  readonly isForeign: boolean;
}
