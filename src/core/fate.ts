/** How an engine batch came in for a sink. */
export const arrivals = ['received', 'replayed'] as const;
export type Arrival = (typeof arrivals)[number];

/** Why a batch was never written: the lane was full, a newer bridge took over, nobody reads, or the drain time was over. */
export const dropReasons = ['sink_overflow', 'fenced', 'unread', 'stopped'] as const;
export type DropReason = (typeof dropReasons)[number];

/** What became of it; `duplicate`: the sequence check had seen it already, or the sink held it already. */
export type Fate = 'delivered' | 'duplicate' | 'dead_lettered' | `dropped_${DropReason}`;
export const fates: readonly Fate[] = [
  'delivered',
  'duplicate',
  'dead_lettered',
  ...dropReasons.map((reason) => `dropped_${reason}` as const),
];
