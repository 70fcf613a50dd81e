// The rows about what comes in.
import { graph, heatmap, stat } from './panels.mjs';
import { inRange, ofSink, ofSource, on, own, rate } from './queries.mjs';

export const overview = [
  stat(
    ['Ready', 'none', 'Whether every bridge that is shown is ready: its sources are open and its sinks take records.'],
    [`min(${own('bridge_ready')}{${on}})`],
    {
      steps: { red: null, green: 1 },
      words: { 0: 'not ready', 1: 'ready' },
    },
  ),
  stat(['Active bridges', 'none', 'One per name. 0: nobody receives.'], [`sum(${own('bridge_active')}{${on}})`], {
    steps: { red: null, green: 1 },
  }),
  stat(
    ['Events', 'cps', 'Events received per second, all sources together.'],
    [`sum(${rate('source_events_total', ofSource)})`],
  ),
  stat(
    ['Largest lag', 's', 'How long the oldest batch of any sink has been waiting.'],
    [`max(${own('sink_lag_seconds')}{${ofSink}})`],
    {
      steps: { green: null, yellow: 10, red: 60 },
    },
  ),
  stat(
    [
      'Lost',
      'short',
      'Sequence numbers that were neither received nor replayed, in the time range that is shown. Each gap is a StreamGap in the output.',
    ],
    [`sum(${inRange('stream_missing_sequence_numbers_total', ofSource)})`],
    {
      steps: { green: null, red: 0.5 },
    },
  ),
  stat(
    ['Alerts', 'none', 'Alerts of the rules in monitoring/prometheus that fire now; empty without those rules.'],
    ['count(ALERTS{alertname=~"KvEventBridge.*",alertstate="firing"}) or vector(0)'],
    {
      steps: { green: null, red: 1 },
    },
  ),
  graph(
    [
      'Completeness',
      'short',
      'Streams by what their consumers can rely on. exact: nothing is missing; recovering: missing numbers are being asked for; degraded: numbers are missing for good, or gaps cannot be detected.',
    ],
    [[`sum by (completeness) (${own('streams_by_completeness')}{${ofSource}})`, '{{completeness}}']],
    { stack: true },
  ),
  graph(
    ['Events in', 'cps', 'Events received per second, by type.'],
    [[`sum by (type) (${rate('source_events_total', ofSource)})`, '{{type}}']],
    { stack: true },
  ),
  graph(
    ['Records out', 'cps', 'Records that the destination of each sink has confirmed, per second.'],
    [[`sum by (sink) (${rate('sink_records_delivered_total', ofSink)})`, '{{sink}}']],
  ),
];

export const sources = [
  graph(
    ['Peers', 'short', 'Engines connected now. A standby has none.'],
    [[`sum by (instance, source) (${own('source_peers')}{${ofSource}})`, '{{source}} {{instance}}']],
  ),
  graph(
    ['Frames', 'cps', 'ZeroMQ messages received per second, and batches decoded from them.'],
    [
      [`sum by (source) (${rate('source_frames_total', ofSource)})`, '{{source}} frames'],
      [`sum by (source) (${rate('source_batches_total', ofSource)})`, '{{source}} batches'],
    ],
  ),
  graph(
    ['Bytes', 'Bps', 'Bytes of received frames per second.'],
    [[`sum by (source) (${rate('source_frame_bytes_total', ofSource)})`, '{{source}}']],
  ),
  graph(
    ['Since the last frame', 's', 'How long each source has been silent.'],
    [
      [
        `time() - max by (instance, source) (${own('source_last_frame_timestamp_seconds')}{${ofSource}} > 0)`,
        '{{source}} {{instance}}',
      ],
    ],
  ),
  graph(
    [
      'Clock skew',
      's',
      'Smallest difference between arrival and the engine’s own time within a minute. Below 0 the engine’s clock is ahead.',
    ],
    [[`${own('source_clock_skew_seconds')}{${ofSource}}`, '{{source}} {{instance}}']],
    { min: null },
  ),
  graph(
    [
      'Connection troubles',
      'cps',
      'Connections that failed or were turned away, by reason, and those that libzmq had given up for ever.',
    ],
    [
      [`sum by (source, reason) (${rate('source_troubles_total', ofSource)}) > 0`, '{{source}} {{reason}}'],
      [`sum by (source) (${rate('source_zombie_reconnects_total', ofSource)}) > 0`, '{{source}} given up'],
    ],
  ),
  graph(
    ['Undecodable', 'cps', 'Frames and events that are passed on as Undecodable records, by reason.'],
    [[`sum by (source, reason) (${rate('source_undecodable_total', ofSource)}) > 0`, '{{source}} {{reason}}']],
  ),
  graph(
    ['Duplicates', 'cps', 'Frames received before and dropped.'],
    [[`sum by (source) (${rate('source_duplicates_total', ofSource)})`, '{{source}}']],
  ),
  graph(
    [
      'Slow transcoding',
      'cps',
      'Payloads that only the slower reference transcoder reads; their records are the same.',
    ],
    [[`sum by (instance) (${rate('transcode_fallbacks_total', on)})`, '{{instance}}']],
  ),
];

export const sequence = [
  graph(
    ['Gaps', 'short', 'Gaps in what engines sent that could not be filled, by reason, per minute.'],
    [[`sum by (source, reason) (${rate('stream_gaps_total', ofSource)}) * 60`, '{{source}} {{reason}}']],
  ),
  graph(
    ['Missing sequence numbers', 'short', 'Sequence numbers inside those gaps, per minute.'],
    [[`sum by (source) (${rate('stream_missing_sequence_numbers_total', ofSource)}) * 60`, '{{source}}']],
  ),
  graph(
    ['Streams', 'short', 'Streams known now, and those that several engines share: gaps cannot be detected there.'],
    [
      [`sum by (instance) (${own('streams')}{${on}})`, '{{instance}}'],
      [`sum by (source) (${own('streams_shared')}{${ofSource}})`, '{{source}} shared'],
    ],
  ),
  graph(
    [
      'Streams that begin, restart and are forgotten',
      'short',
      'Streams seen for the first time, engines that began to count again, and streams forgotten as idle or above maxStreams, per minute.',
    ],
    [
      [`sum by (joined) (${rate('stream_starts_total', ofSource)}) * 60`, 'new ({{joined}})'],
      [`sum(${rate('stream_restarts_total', ofSource)}) * 60`, 'restarted'],
      [`sum by (reason) (${rate('stream_evictions_total', ofSource)}) * 60`, 'forgotten ({{reason}})'],
    ],
  ),
  graph(
    [
      'Replays',
      'short',
      'Replays asked for, by outcome, and batches they brought, per minute. All but complete left numbers missing.',
    ],
    [
      [`sum by (source, outcome) (${rate('replay_requests_total', ofSource)}) * 60`, '{{source}} {{outcome}}'],
      [`sum by (source) (${rate('replay_recovered_batches_total', ofSource)}) * 60`, '{{source}} batches'],
    ],
  ),
  heatmap(
    'Replay duration',
    'From the frame that showed that batches are missing until the replay was over.',
    `sum by (le) (${rate('replay_duration_seconds_bucket', ofSource)})`,
  ),
];
