/** What engines say; they may have types of their own beside these. */
export const eventTypes = ['BlockStored', 'BlockRemoved', 'AllBlocksCleared'] as const;

/** What the bridge says itself, and the record of a whole batch. */
export const bridgeTypes = [
  'Batch',
  'StreamStarted',
  'StreamGap',
  'StreamRestarted',
  'StreamRecovered',
  'StreamShared',
  'EmptyBatch',
  'Undecodable',
] as const;
