import type { SettingsValue } from './settings.ts';

/** The settings every sink has: how its lane queues, batches and retries. Each sink spreads them into its own section. */
export const laneSettings = {
  record: {
    doc: 'One record per event (`event`) or one per engine batch (`batch`).',
    choices: ['event', 'batch'],
    default: 'event',
  },
  whenFull: {
    doc: 'What happens when the lane is full: `block` stops reading (the engines then hold the events), `drop` drops new batches for this sink alone and writes a StreamGap with reason sink_overflow.',
    choices: ['block', 'drop'],
    default: 'block',
  },
  laneBytes: {
    doc: 'How many bytes of records may wait for this sink.',
    format: 'bytes',
    default: 33_554_432,
    min: 65_536,
  },
  maxBatchRecords: { doc: 'Most records in one write.', format: 'integer', default: 1_000, min: 1, max: 100_000 },
  maxBatchBytes: {
    doc: 'Most bytes in one write; one larger batch goes alone.',
    format: 'bytes',
    default: 786_432,
    min: 1_024,
  },
  linger: {
    doc: 'How long a write may wait to become larger, under load; what comes after a pause never waits, nor does a full write, nor one that would hardly become larger (fewer than 10 small records likely to come).',
    format: 'duration',
    default: 5,
    min: 0,
    max: 60_000,
  },
  retryInitial: {
    doc: 'First pause after a failed write; doubles with every further failure, with jitter.',
    format: 'duration',
    default: 100,
    min: 1,
    max: 86_400_000,
  },
  retryMax: {
    doc: 'Longest pause between tries; the tries never end.',
    format: 'duration',
    default: 10_000,
    min: 1,
    max: 86_400_000,
  },
} as const;

/** The setting of sinks that can do both; each spreads it into its own section. */
export const deliverySettings = {
  delivery: {
    doc: 'After a crash or an unanswered write: `at-least-once` may repeat records (with the same `id`), `exactly-once` writes each once. That needs a `name` of its own for the bridge; of two bridges with one name the newer wins. See docs/delivery.md.',
    choices: ['at-least-once', 'exactly-once'],
    default: 'at-least-once',
  },
} as const;

export type LaneConfig = SettingsValue<typeof laneSettings>;
