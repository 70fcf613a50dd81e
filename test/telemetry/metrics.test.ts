import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fact } from '../../src/core/observer.ts';
import type { MetricSpec } from '../../src/telemetry/catalogue.ts';
import { catalogue, prefix } from '../../src/telemetry/catalogue.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { examples } from './facts.ts';

let metrics: Metrics;
let now: number;

beforeEach(() => {
  now = 1_700_000_000_000;
  metrics = new Metrics({
    ...{ sources: ['zmq'], sinks: ['redis'], laneLimits: { redis: 1_000 }, version: '1.2.3' },
    ...{ weakened: ['redis.whenFull'], now: () => now },
  });
});

/** Series with the prefix taken off, e.g. `sink_up{sink="redis"}` → 1. */
async function series(): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith(prefix));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(prefix.length, at), Number(line.slice(at + 1))];
    }),
  );
}

async function changedBy(...facts: readonly Fact[]): Promise<Record<string, number>> {
  const before = await series();
  for (const fact of facts) metrics.observe(fact);
  return Object.fromEntries([...(await series())].filter(([name, value]) => before.get(name) !== value));
}

describe('metrics: every fact', () => {
  it.each([
    ['source-peers', { 'source_peers{source="zmq"}': 3 }],
    ['source-trouble', { 'source_troubles_total{source="zmq",reason="handshake_failed"}': 1 }],
    [
      'frame-received',
      {
        'source_frames_total{source="zmq"}': 1,
        'source_frame_bytes_total{source="zmq"}': 700,
        'source_last_frame_timestamp_seconds{source="zmq"}': 1_700_000_000,
      },
    ],
    [
      'batch-accepted',
      {
        'source_batches_total{source="zmq"}': 1,
        'source_events_total{source="zmq",type="BlockStored"}': 2,
        'source_events_total{source="zmq",type="other"}': 5,
        'source_clock_skew_seconds{source="zmq"}': 0.25,
      },
    ],
    ['undecodable', { 'source_undecodable_total{source="zmq",reason="too_deep"}': 1 }],
    ['duplicate', { 'source_duplicates_total{source="zmq"}': 1 }],
    ['stream-started', { 'stream_starts_total{source="zmq",joined="late"}': 1, streams: 4 }],
    [
      'stream-gap',
      {
        'stream_gaps_total{source="zmq",reason="no_replay"}': 1,
        'stream_missing_sequence_numbers_total{source="zmq"}': 10,
      },
    ],
    [
      'replay',
      expect.objectContaining({
        'replay_requests_total{source="zmq",outcome="replay_truncated"}': 1,
        'replay_recovered_batches_total{source="zmq"}': 7,
        'replay_duration_seconds_bucket{le="0.25",source="zmq"}': 1,
        'replay_duration_seconds_sum{source="zmq"}': 0.2,
        'replay_duration_seconds_count{source="zmq"}': 1,
      }),
    ],
    ['stream-restarted', { 'stream_restarts_total{source="zmq"}': 1 }],
    ['stream-shared', { 'streams_shared{source="zmq"}': 1 }],
    ['stream-evicted', { 'stream_evictions_total{source="zmq",reason="limit"}': 1, streams: 3 }],
    ['sink-up', { 'sink_up{sink="redis"}': 1 }],
    ['sink-retry', { 'sink_retries_total{sink="redis",code="WRONGTYPE"}': 1 }],
    ['dead-lettered', { 'sink_dead_letters_total{sink="redis",reason="refused"}': 2 }],
    ['dropped', { 'sink_records_dropped_total{sink="redis"}': 9, 'sink_bytes_dropped_total{sink="redis"}': 900 }],
    ['sink-note', { 'sink_notes_total{sink="redis",code="TORN_LINE"}': 1 }],
    [
      'lane',
      { 'lane_bytes{sink="redis"}': 123, 'lane_records{sink="redis"}': 2, 'sink_batches_queued{sink="redis"}': 1 },
    ],
    ['accounting', { 'sink_batches_total{sink="redis",fate="dropped_fenced"}': 4 }],
    ['role', { bridge_active: 1, take_overs_total: 1 }],
    ['fenced', { fenced_total: 1 }],
    ['lease-renewal', { 'lease_renewals_total{outcome="failed"}': 1 }],
    ['lease-lapsed', { lease_lapses_total: 1 }],
    [
      'streams-standing',
      {
        streams: 6,
        'streams_by_completeness{source="zmq",completeness="exact"}': 3,
        'streams_by_completeness{source="zmq",completeness="recovering"}': 1,
        'streams_by_completeness{source="zmq",completeness="degraded"}': 2,
      },
    ],
    ['sink-error', { 'sink_errors_total{sink="redis",class="destination",code="WRONGTYPE"}': 1 }],
    ['lane-standing', { 'sink_backpressure_seconds_total{sink="redis"}': 1.5, 'sink_lag_seconds{sink="redis"}': 2.5 }],
    ['source-open', {}],
    ['source-closed', {}],
  ] as const)('counts %s', async (fact, expected) => {
    expect(await changedBy(examples[fact])).toEqual(expected);
  });

  it('counts delivered records and puts latencies in seconds into buckets, negative ones as 0', async () => {
    const changed = await changedBy(examples.delivered);
    expect(changed).toMatchObject({
      'sink_records_delivered_total{sink="redis"}': 7,
      'sink_bytes_delivered_total{sink="redis"}': 4_000,
      'sink_delivery_latency_seconds_bucket{le="0.005",sink="redis"}': 1,
      'sink_delivery_latency_seconds_bucket{le="0.025",sink="redis"}': 2,
      'sink_delivery_latency_seconds_bucket{le="60",sink="redis"}': 2,
      'sink_delivery_latency_seconds_sum{sink="redis"}': 0.012,
      'sink_delivery_latency_seconds_count{sink="redis"}': 2,
      'sink_bridge_latency_seconds_bucket{le="0.0025",sink="redis"}': 1,
      'sink_bridge_latency_seconds_bucket{le="+Inf",sink="redis"}': 2,
      'sink_last_settled_timestamp_seconds{sink="redis"}': 1_700_000_000,
    });
  });

  it('adds up the sockets of a source, takes the latest frame and the smallest skew of them', async () => {
    const frame = examples['frame-received'];
    const batch = examples['batch-accepted'];
    const other = { endpoint: 'tcp://*:5558' };
    const changed = await changedBy(
      { ...frame, at: frame.at + 2_000 },
      { ...frame, ...other, frames: 3 },
      batch,
      { ...batch, ...other, engineTime: batch.at + 50 },
      { ...batch, ...other, engineTime: null },
    );
    expect(changed).toMatchObject({
      'source_frames_total{source="zmq"}': 4,
      'source_last_frame_timestamp_seconds{source="zmq"}': 1_700_000_002,
      'source_batches_total{source="zmq"}': 3,
      'source_clock_skew_seconds{source="zmq"}': -0.05,
    });
  });

  it('says no skew of clocks once nothing has come for a minute', async () => {
    metrics.observe(examples['batch-accepted']);
    const name = 'source_clock_skew_seconds{source="zmq"}';
    expect((await series()).has(name)).toBe(true);
    now += 60_000;
    expect((await series()).has(name)).toBe(false);
  });

  it('shows whether the bridge is ready, and which settings weaken the promise', async () => {
    expect((await series()).get('bridge_ready')).toBe(0);
    metrics.ready = true;
    expect((await series()).get('bridge_ready')).toBe(1);
    expect((await series()).get('setting_weakens_promise{setting="redis.whenFull"}')).toBe(1);
  });

  it('shows a sink as down after it was up', async () => {
    metrics.observe(examples['sink-up']);
    expect(await changedBy(examples['sink-down'])).toEqual({ 'sink_up{sink="redis"}': 0 });
  });

  it('is active from its start or by a take-over, and no longer once fenced or a standby', async () => {
    expect(await changedBy({ fact: 'role', role: 'active', reason: 'start' })).toEqual({ bridge_active: 1 });
    expect(await changedBy(examples.fenced)).toEqual({ bridge_active: 0, fenced_total: 1 });
    metrics.observe(examples.role);
    expect(await changedBy({ fact: 'role', role: 'standby', reason: 'fenced' })).toEqual({ bridge_active: 0 });
  });

  it('adds up the publishers of all sockets of a source', async () => {
    const peers = examples['source-peers'];
    const other = { ...peers, endpoint: 'tcp://*:5558', peers: 4 };
    expect(await changedBy(peers, other, { ...peers, peers: 1 })).toEqual({ 'source_peers{source="zmq"}': 5 });
  });

  it('no longer counts a stream as shared when it recovers or is evicted', async () => {
    const shared = examples['stream-shared'];
    const evicted = { ...examples['stream-evicted'], shared: true };
    expect(await changedBy(shared, shared, evicted, { ...shared, shared: false })).not.toHaveProperty([
      'streams_shared{source="zmq"}',
    ]);
    expect((await series()).get('streams_shared{source="zmq"}')).toBe(0);
  });
});

describe('metrics: the page', () => {
  it('begins every counter of a known source and sink at 0', async () => {
    const all = await series();
    const unbounded = new Set(['sink_retries_total', 'sink_notes_total', 'sink_errors_total']);
    for (const [name, spec] of Object.entries<MetricSpec>(catalogue)) {
      if (spec.kind !== 'counter' || unbounded.has(name)) continue;
      const values = [...all].filter(([key]) => key.split('{')[0] === name).map(([, value]) => value);
      expect(values.length, name).toBeGreaterThan(0);
      expect(new Set(values), name).toEqual(new Set([0]));
    }
    expect(all.get('sink_delivery_latency_seconds_count{sink="redis"}')).toBe(0);
    expect(all.get('lane_limit_bytes{sink="redis"}')).toBe(1_000);
    expect(all.get('build_info{version="1.2.3"}')).toBe(1);
  });

  it('has the metrics of the process too', async () => {
    expect(await metrics.text()).toMatch(/^process_resident_memory_bytes \d+/m);
    expect(metrics.contentType).toContain('text/plain');
  });

  it('gives no gauge the name of a counter, not even those of the process', async () => {
    const gauges = [...(await metrics.text()).matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name);
    expect(gauges.length).toBeGreaterThan(20);
    expect(gauges.filter((name) => name?.endsWith('_total'))).toEqual([]);
  });

  it('does not share its registry with another', async () => {
    const other = new Metrics({ sources: ['zmq'], sinks: [] });
    other.observe(examples['frame-received']);
    expect((await series()).get('source_frames_total{source="zmq"}')).toBe(0);
  });

  it('stays small whatever comes from outside', async () => {
    for (let n = 0; n < 1_000; n += 1) {
      metrics.observe({ ...examples['sink-retry'], code: `E${n}` });
      metrics.observe({ ...examples['undecodable'], reason: `r${n}`, stream: `s${n}` });
      metrics.observe({ ...examples['stream-gap'], stream: `s${n}` });
    }
    const all = await series();
    expect(all.size).toBeLessThan(450);
    expect(all.get('sink_retries_total{sink="redis",code="other"}')).toBe(1_000 - 64);
  });

  it('keeps the naming rules of Prometheus', () => {
    for (const [name, { kind, help }] of Object.entries<MetricSpec>(catalogue)) {
      expect(name).toMatch(/^[a-z][a-z_]+$/);
      expect(name.endsWith('_total'), name).toBe(kind === 'counter');
      expect(name).not.toMatch(/_(ms|millis|kib|count|sum|bucket)$/);
      expect(help, name).toMatch(/\.$/);
    }
  });
});

describe('docs/metrics.md', () => {
  let rows: Map<string, string[]>;
  beforeEach(async () => {
    const text = await readFile(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
    const lines = text.split('\n').filter((line) => line.startsWith(`| \`${prefix}`));
    rows = new Map(
      lines.map((line) => {
        const [, name = '', ...cells] = line.split('|').map((cell) => cell.trim());
        return [name.slice(1 + prefix.length, -1), cells.slice(0, 3)];
      }),
    );
  });
  afterEach(() => rows.clear());

  it('lists every metric of the code, and none else', () => {
    expect([...rows.keys()].sort()).toEqual(Object.keys(catalogue).sort());
  });

  it.each(Object.entries<MetricSpec>(catalogue))('says of %s what the code says', (name, { kind, labels, help }) => {
    const shown = labels.length === 0 ? '-' : labels.map((label) => `\`${label}\``).join(', ');
    expect(rows.get(name)).toEqual([kind, shown, help]);
  });

  it('uses only metrics that exist in its expressions', async () => {
    const text = await readFile(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
    for (const [, name = ''] of text.matchAll(/kv_event_bridge_([a-z_]+[a-z])/g)) {
      expect(Object.keys(catalogue)).toContain(name.replace(/_bucket$/, ''));
    }
  });
});
