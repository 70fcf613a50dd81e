/**
 * The sign that a bridge of one name is alive, kept in a sink beside its checkpoints. It decides nothing about who may
 * write: the fence of `Sink.connect` does. It only tells a standby when to take over.
 */
export interface Lease {
  /**
   * Called by a standby every now and then, never overlapping, before the sink's first `connect`. `held`: a bridge of this
   * name has renewed it within `ttl`, judged by one clock alone (the store's, or ours between two calls: then the first
   * answers are `held`). `free`: it has lapsed, was released, or never was. Throws `SinkError`.
   */
  state(ttl: number): Promise<'held' | 'free'>;
  /**
   * Called by the active bridge at once and then three times per `ttl` (milliseconds), never overlapping with itself, but
   * while `write` is under way. Throws `SinkError`, of kind `fenced` where another bridge has taken the name over.
   */
  renew(ttl: number): Promise<void>;
  /** The active bridge ends: a standby need not wait for the lease to lapse. Does nothing where it is no longer ours. */
  release(): Promise<void>;
}
