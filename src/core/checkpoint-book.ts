import type { Checkpoint } from './checkpoint.ts';

/** Who may write to a sink under a bridge's name now. */
export interface NameState {
  /** Whether a bridge of this name shows that it lives (a lease that counts, a lock that is held). */
  readonly isHeld: boolean;
  /** What says so, for people: `lease renewed 0.4 s ago`. */
  readonly evidence: string;
}

/** The checkpoints that a sink keeps for one bridge name, for `inspect` and `rewind`. */
export interface CheckpointBook {
  /** By stream id. Reads only. */
  list(): Promise<ReadonlyMap<string, Checkpoint>>;
  nameState(): Promise<NameState>;
  /**
   * Takes the name as a starting bridge does (so that a bridge that lives none the less is fenced and cannot write any
   * more), and then puts `checkpoint` in the place of the stream's; null removes it. Throws a `BridgeError` where a bridge
   * of this name lives, and changes nothing then.
   */
  put(stream: string, checkpoint: Checkpoint | null): Promise<void>;
  close(): Promise<void>;
}
