import { arrivals, fates } from '../core/fate.ts';

/** What one metric is; `docs/metrics.md` repeats this list and a test compares the two. */
export interface MetricSpec {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

export const prefix = 'kv_event_bridge_';

const bySource = ['source'] as const;
const bySink = ['sink'] as const;

/** Every metric of the bridge under its name without the prefix. Base units; only bounded sets become labels. */
export const catalogue = {
  source_frames_total: { kind: 'counter', labels: bySource, help: 'Frames (ZeroMQ messages) received.' },
  source_frame_bytes_total: { kind: 'counter', labels: bySource, help: 'Bytes of received frames.' },
  source_batches_total: { kind: 'counter', labels: bySource, help: 'Engine batches decoded.' },
  source_events_total: {
    kind: 'counter',
    labels: ['source', 'type'],
    help: 'Events decoded, by type; unknown types are `other`.',
  },
  source_undecodable_total: {
    kind: 'counter',
    labels: ['source', 'reason'],
    help: 'Frames and events passed on as Undecodable, by reason.',
  },
  transcode_fallbacks_total: {
    kind: 'counter',
    labels: [],
    help: 'Payloads of a shape that only the slower reference transcoder reads; their records are the same.',
  },
  source_duplicates_total: {
    kind: 'counter',
    labels: bySource,
    help: 'Frames dropped because they had been received before.',
  },
  source_peers: { kind: 'gauge', labels: bySource, help: 'Publishers connected now.' },
  source_troubles_total: {
    kind: 'counter',
    labels: ['source', 'reason'],
    help: 'Connections that failed or were turned away, by reason.',
  },
  source_zombie_reconnects_total: {
    kind: 'counter',
    labels: bySource,
    help: 'Connections that libzmq had given up for ever (a frame too large, a refused handshake) and the bridge dialled anew.',
  },
  source_last_frame_timestamp_seconds: {
    kind: 'gauge',
    labels: bySource,
    help: 'When the last frame was received, in seconds since 1970; not there before the first.',
  },
  source_clock_skew_seconds: {
    kind: 'gauge',
    labels: bySource,
    help: 'Smallest difference between the time of receipt and the engine’s own time of a batch within the last minute; negative where the clock of an engine is ahead, not there where nothing came.',
  },
  stream_starts_total: {
    kind: 'counter',
    labels: ['source', 'joined'],
    help: 'Streams seen for the first time: from their start, late, or without sequence numbers.',
  },
  stream_gaps_total: {
    kind: 'counter',
    labels: ['source', 'reason'],
    help: 'Gaps in what publishers sent, each a StreamGap in the output, by reason.',
  },
  stream_missing_sequence_numbers_total: {
    kind: 'counter',
    labels: bySource,
    help: 'Sequence numbers inside those gaps.',
  },
  stream_restarts_total: { kind: 'counter', labels: bySource, help: 'Publishers that began to count again.' },
  stream_evictions_total: {
    kind: 'counter',
    labels: ['source', 'reason'],
    help: 'Streams forgotten: idle for longer than streamTtl, or above maxStreams (limit).',
  },
  streams: { kind: 'gauge', labels: [], help: 'Streams known now.' },
  streams_by_completeness: {
    kind: 'gauge',
    labels: ['source', 'completeness'],
    help: 'Streams known now: without a gap (exact), being asked for what is missing (recovering), with a gap since their publisher began to count or without a way to see one (degraded).',
  },
  streams_shared: {
    kind: 'gauge',
    labels: bySource,
    help: 'Streams that several publishers share now: gaps cannot be detected there.',
  },
  replay_requests_total: {
    kind: 'counter',
    labels: ['source', 'outcome'],
    help: 'Replays asked for, by outcome: complete, or why batches stayed missing.',
  },
  replay_recovered_batches_total: {
    kind: 'counter',
    labels: bySource,
    help: 'Batches that a publisher sent again on request.',
  },
  replay_duration_seconds: {
    kind: 'histogram',
    labels: bySource,
    help: 'From the frame that showed that batches are missing until the replay was over.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
  },
  sink_up: {
    kind: 'gauge',
    labels: bySink,
    help: '1 while the sink takes records (in a standby: while it answers), else 0.',
  },
  sink_records_delivered_total: { kind: 'counter', labels: bySink, help: 'Records the destination has confirmed.' },
  sink_bytes_delivered_total: {
    kind: 'counter',
    labels: bySink,
    help: 'Bytes of records the destination has confirmed.',
  },
  sink_retries_total: {
    kind: 'counter',
    labels: ['sink', 'code'],
    help: 'Failed tries to connect or write, by error code.',
  },
  sink_errors_total: {
    kind: 'counter',
    labels: ['sink', 'class', 'code'],
    help: 'Failed tries to connect or write, by what they ask for (transient, destination, reopen, fenced, closed) and by error code.',
  },
  sink_dead_letters_total: {
    kind: 'counter',
    labels: ['sink', 'reason'],
    help: 'Records the destination can never take, written to the dead letters.',
  },
  sink_records_dropped_total: {
    kind: 'counter',
    labels: bySink,
    help: 'Records a full lane did not take (whenFull: drop).',
  },
  sink_bytes_dropped_total: { kind: 'counter', labels: bySink, help: 'Bytes of the records a full lane did not take.' },
  sink_notes_total: {
    kind: 'counter',
    labels: ['sink', 'code'],
    help: 'Things a sink mended or had to leave, by code; see the log.',
  },
  sink_delivery_latency_seconds: {
    kind: 'histogram',
    labels: bySink,
    help: 'From the engine’s own time of a batch until the destination confirmed it; includes the difference of the clocks.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  sink_bridge_latency_seconds: {
    kind: 'histogram',
    labels: bySink,
    help: 'From the receipt of a batch until the destination confirmed it.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  sink_backpressure_seconds_total: {
    kind: 'counter',
    labels: bySink,
    help: 'Time that reading has waited for this sink.',
  },
  sink_last_settled_timestamp_seconds: {
    kind: 'gauge',
    labels: bySink,
    help: 'When the destination last confirmed records, in seconds since 1970; not there before the first.',
  },
  sink_lag_seconds: {
    kind: 'gauge',
    labels: bySink,
    help: 'Age of the oldest batch that waits for the sink, the write in flight included; 0 where none does.',
  },
  sink_batches_total: {
    kind: 'counter',
    labels: ['sink', 'fate'],
    help: 'Engine batches that came in for the sink (received, replayed) and what became of them (the others).',
  },
  sink_batches_queued: {
    kind: 'gauge',
    labels: bySink,
    help: 'Engine batches waiting for the sink, the write in flight included.',
  },
  lane_bytes: { kind: 'gauge', labels: bySink, help: 'Bytes waiting for the sink, the write in flight included.' },
  lane_records: { kind: 'gauge', labels: bySink, help: 'Records waiting for the sink, the write in flight included.' },
  lane_limit_bytes: { kind: 'gauge', labels: bySink, help: 'Bytes that may wait for the sink (laneBytes).' },
  bridge_ready: { kind: 'gauge', labels: [], help: '1 while /readyz answers 200, else 0.' },
  setting_weakens_promise: {
    kind: 'gauge',
    labels: ['setting'],
    help: '1 for each setting in effect that takes something from what the bridge promises; /statusz says what.',
  },
  bridge_active: {
    kind: 'gauge',
    labels: [],
    help: '1 while this bridge is the active one of its name, 0 as a standby.',
  },
  take_overs_total: { kind: 'counter', labels: [], help: 'Times this bridge as a standby took over.' },
  fenced_total: { kind: 'counter', labels: [], help: 'Times another bridge of the same name took over from this one.' },
  lease_renewals_total: {
    kind: 'counter',
    labels: ['outcome'],
    help: 'Tries to renew the lease of the active bridge, by outcome: renewed, failed, fenced.',
  },
  lease_lapses_total: {
    kind: 'counter',
    labels: [],
    help: 'Times the lease was not renewed within leaseTtl, so that a standby could take over.',
  },
  build_info: { kind: 'gauge', labels: ['version'], help: 'Always 1; the version is the label.' },
} as const satisfies Readonly<Record<string, MetricSpec>>;

export type MetricName = keyof typeof catalogue;

/** Label values that exist from the start, so that `rate()` sees the first one as well. Others appear when they happen. */
export const knownValues = {
  type: ['BlockStored', 'BlockRemoved', 'AllBlocksCleared', 'other'],
  joined: ['start', 'late', 'unsequenced'],
  undecodable: [
    'bad_frames',
    'bad_sequence_frame',
    'malformed_msgpack',
    'trailing_bytes',
    'too_deep',
    'too_large',
    'not_a_batch',
    'bad_event',
    'reserved_type',
  ],
  trouble: [
    'accept_failed',
    'handshake_auth',
    'handshake_failed',
    'handshake_protocol',
    'message_too_large',
    'no_heartbeats',
    'protocol_error',
    'rejected',
    'silent',
    'too_many_connections',
    'unreachable',
  ],
  gap: ['no_replay', 'replay_truncated', 'replay_failed', 'replay_timeout'],
  replay: ['complete', 'replay_truncated', 'replay_failed', 'replay_timeout'],
  eviction: ['idle', 'limit'],
  fate: [...arrivals, ...fates],
  renewal: ['renewed', 'failed', 'fenced'],
  deadLetter: ['too_large', 'reserved_target', 'refused'],
} as const;
