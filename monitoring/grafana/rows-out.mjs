// The rows about what goes out, and about the process.
import { graph, heatmap, table } from './panels.mjs';
import { inRange, ofProcess, ofSink, on, own, quantile, rate } from './queries.mjs';

export const sinks = [
  graph(
    ['Up', 'bool_on_off', 'Whether the sink takes records.'],
    [[`min by (instance, sink) (${own('sink_up')}{${ofSink}})`, '{{sink}} {{instance}}']],
    { max: 1 },
  ),
  graph(
    ['Lag', 's', 'Age of the oldest batch in the lane; 0 when it is empty.'],
    [[`max by (instance, sink) (${own('sink_lag_seconds')}{${ofSink}})`, '{{sink}} {{instance}}']],
  ),
  graph(
    [
      'Lane fill',
      'percentunit',
      'Share of laneBytes that waits for the sink. At 100 % the bridge stops reading (block) or drops.',
    ],
    [[`${own('lane_bytes')}{${ofSink}} / ${own('lane_limit_bytes')}{${ofSink}}`, '{{sink}} {{instance}}']],
    { max: 1 },
  ),
  graph(
    ['Waiting', 'short', 'Records and engine batches that wait for the sink, the write under way included.'],
    [
      [`sum by (sink) (${own('lane_records')}{${ofSink}})`, '{{sink}} records'],
      [`sum by (sink) (${own('sink_batches_queued')}{${ofSink}})`, '{{sink}} batches'],
    ],
  ),
  graph(
    ['Back-pressure', 'percentunit', 'Share of the time that reading waited for this lane.'],
    [[`sum by (instance, sink) (${rate('sink_backpressure_seconds_total', ofSink)})`, '{{sink}} {{instance}}']],
  ),
  graph(
    [
      'Since the last settled write',
      's',
      'Age of the checkpoint: how long ago the destination confirmed something. Normal while no events come.',
    ],
    [
      [
        `time() - max by (instance, sink) (${own('sink_last_settled_timestamp_seconds')}{${ofSink}} > 0)`,
        '{{sink}} {{instance}}',
      ],
    ],
  ),
  graph(
    ['Bytes out', 'Bps', 'Bytes of records that the destination has confirmed, per second.'],
    [[`sum by (sink) (${rate('sink_bytes_delivered_total', ofSink)})`, '{{sink}}']],
  ),
  graph(
    [
      'Errors and retries',
      'cps',
      'Failed tries by class and code. class destination: somebody has to mend the destination.',
    ],
    [
      [`sum by (sink, class, code) (${rate('sink_errors_total', ofSink)})`, '{{sink}} {{class}} {{code}}'],
      [`sum by (sink, code) (${rate('sink_retries_total', ofSink)})`, '{{sink}} retry {{code}}'],
    ],
  ),
  graph(
    [
      'Dropped and dead letters',
      'cps',
      'Records that a full lane did not take (whenFull: drop), and records the destination can never take.',
    ],
    [
      [`sum by (sink) (${rate('sink_records_dropped_total', ofSink)})`, '{{sink}} dropped'],
      [`sum by (sink, reason) (${rate('sink_dead_letters_total', ofSink)})`, '{{sink}} dead letter {{reason}}'],
    ],
  ),
  graph(
    ['Bytes dropped', 'Bps', 'Bytes of the records that a full lane did not take.'],
    [[`sum by (sink) (${rate('sink_bytes_dropped_total', ofSink)})`, '{{sink}}']],
  ),
  graph(
    [
      'Notes',
      'short',
      'What a sink mended or had to leave, by code, within the time range; the log has a sentence for each.',
    ],
    [[`sum by (sink, code) (${inRange('sink_notes_total', ofSink)})`, '{{sink}} {{code}}']],
  ),
];

export const latency = [
  graph(
    ['Through the bridge', 's', 'From the arrival of a batch until its destination confirmed it.'],
    [
      [quantile(0.5, 'sink_bridge_latency_seconds', ofSink, 'sink'), '{{sink}} p50'],
      [quantile(0.99, 'sink_bridge_latency_seconds', ofSink, 'sink'), '{{sink}} p99'],
    ],
  ),
  heatmap(
    'Through the bridge, all values',
    'From the arrival of a batch until its destination confirmed it.',
    `sum by (le) (${rate('sink_bridge_latency_seconds_bucket', ofSink)})`,
    16,
  ),
  graph(
    [
      'From the engine',
      's',
      'From the engine’s own time of a batch until its destination confirmed it; includes the difference of the clocks.',
    ],
    [
      [quantile(0.5, 'sink_delivery_latency_seconds', ofSink, 'sink'), '{{sink}} p50'],
      [quantile(0.99, 'sink_delivery_latency_seconds', ofSink, 'sink'), '{{sink}} p99'],
    ],
  ),
  heatmap(
    'From the engine, all values',
    'From the engine’s own time of a batch until its destination confirmed it; includes the difference of the clocks.',
    `sum by (le) (${rate('sink_delivery_latency_seconds_bucket', ofSink)})`,
    16,
  ),
];

const arrivals = 'fate=~"received|replayed"';
const fates = 'fate!~"received|replayed"';
const batches = (fate) => `sum by (sink) (${own('sink_batches_total')}{${ofSink},${fate}})`;
export const accounting = [
  graph(
    ['Batches in', 'cps', 'Engine batches that came in for each sink, live or replayed.'],
    [[`sum by (sink, fate) (${rate('sink_batches_total', `${ofSink},${arrivals}`)})`, '{{sink}} {{fate}}']],
  ),
  graph(
    [
      'What became of them',
      'cps',
      'Engine batches by fate. Whatever is dropped is a StreamGap in the output, or another bridge recovers it.',
    ],
    [[`sum by (sink, fate) (${rate('sink_batches_total', `${ofSink},${fates}`)}) > 0`, '{{sink}} {{fate}}']],
  ),
  graph(
    [
      'Unaccounted',
      'short',
      'Received and replayed batches without a fate that are not waiting either. 0 at every moment; anything else is a defect.',
    ],
    [
      [
        `${batches(arrivals)} - ${batches(fates)} - sum by (sink) (${own('sink_batches_queued')}{${ofSink}})`,
        '{{sink}}',
      ],
    ],
    { min: null },
  ),
];

export const process = [
  graph(
    ['CPU', 'percentunit', 'Processor time per second; 100 % is one core.'],
    [
      [
        `rate(process_cpu_seconds_total{${on}}[$__rate_interval]) and on (job, instance) ${own('build_info')}`,
        '{{instance}}',
      ],
    ],
  ),
  graph(
    ['Memory', 'bytes', 'Resident memory, and the part of it that is JavaScript’s heap and outside buffers.'],
    [
      [ofProcess('process_resident_memory_bytes'), '{{instance}} resident'],
      [ofProcess('nodejs_heap_size_used_bytes'), '{{instance}} heap'],
      [ofProcess('nodejs_external_memory_bytes'), '{{instance}} buffers'],
    ],
  ),
  graph(
    ['Event loop lag', 's', 'How late the event loop came to what was due, since the scrape before.'],
    [
      [ofProcess('nodejs_eventloop_lag_p50_seconds'), '{{instance}} p50'],
      [ofProcess('nodejs_eventloop_lag_p99_seconds'), '{{instance}} p99'],
    ],
  ),
  graph(
    ['Garbage collection', 'percentunit', 'Share of the time spent collecting garbage.'],
    [
      [
        `sum by (job, instance) (rate(nodejs_gc_duration_seconds_sum{${on}}[$__rate_interval])) and on (job, instance) ${own('build_info')}`,
        '{{instance}}',
      ],
    ],
  ),
  graph(
    ['Open files', 'short', 'Open file descriptors and the most there may be.'],
    [
      [ofProcess('process_open_fds'), '{{instance}}'],
      [ofProcess('process_max_fds'), '{{instance}} limit'],
    ],
  ),
  graph(
    [
      'Role and lease',
      'short',
      'Active bridges, take-overs, fencings, lapses and renewals of the lease within the time range.',
    ],
    [
      [`sum by (instance) (${own('bridge_active')}{${on}})`, '{{instance}} active'],
      [`sum by (instance) (${inRange('take_overs_total', on)})`, '{{instance}} take-overs'],
      [`sum by (instance) (${inRange('fenced_total', on)})`, '{{instance}} fenced'],
      [`sum by (instance) (${inRange('lease_lapses_total', on)})`, '{{instance}} lapses'],
      [
        `sum by (instance, outcome) (${inRange('lease_renewals_total', `${on},outcome!="renewed"`)})`,
        '{{instance}} renewal {{outcome}}',
      ],
    ],
  ),
  graph(
    ['Uptime', 's', 'How long each process has been running.'],
    [[`time() - process_start_time_seconds{${on}} and on (job, instance) ${own('build_info')}`, '{{instance}}']],
  ),
  table('Versions', 'What runs where.', `${own('build_info')}{${on}}`),
  table(
    'Promise weakened',
    'Settings that take something from the promise; /statusz says what each of them does.',
    `${own('setting_weakens_promise')}{${on}} == 1`,
  ),
];
