import type { Fact } from '../../src/core/observer.ts';

const source = 'zmq';
const sink = 'redis';
const stream = 'zmq/kv@10.0.0.5@m/0';
const endpoint = 'tcp://*:5557';
const at = 1_700_000_000_000;

/** One example of every fact; the type makes sure that none is missing. */
export const examples: { readonly [K in Fact['fact']]: Extract<Fact, { fact: K }> } = {
  'source-open': { fact: 'source-open', source, endpoint, mode: 'bind' },
  'source-closed': { fact: 'source-closed', source, endpoint },
  'source-peers': { fact: 'source-peers', source, endpoint, peers: 3 },
  'source-zombie': { fact: 'source-zombie', source, endpoint, attempt: 2 },
  'source-trouble': { fact: 'source-trouble', source, endpoint, reason: 'handshake_failed', message: 'no handshake' },
  'frame-received': { fact: 'frame-received', source, endpoint, frames: 1, bytes: 700, at },
  'batch-accepted': {
    fact: 'batch-accepted',
    source,
    batches: 1,
    endpoint,
    events: { BlockStored: 2, BlockRemoved: 0, AllBlocksCleared: 0, other: 5 },
    at,
    engineTime: at - 250,
  },
  'transcode-fallback': { fact: 'transcode-fallback' },
  undecodable: { fact: 'undecodable', source, endpoint, stream, reason: 'too_deep' },
  duplicate: { fact: 'duplicate', source, endpoint, stream, seq: 18_446_744_073_709_551_615n },
  'stream-started': { fact: 'stream-started', source, stream, joined: 'late', streams: 4 },
  'stream-gap': { fact: 'stream-gap', source, stream, from: 10n, to: 19n, reason: 'no_replay' },
  replay: { fact: 'replay', source, stream, outcome: 'replay_truncated', recovered: 7n, durationMs: 200 },
  'stream-restarted': { fact: 'stream-restarted', source, stream, lastSeq: 19n },
  'stream-shared': { fact: 'stream-shared', source, stream, shared: true },
  'stream-evicted': { fact: 'stream-evicted', source, stream, reason: 'limit', shared: false, streams: 3 },
  'streams-standing': {
    fact: 'streams-standing',
    streams: 6,
    bySource: new Map([[source, { exact: 3, recovering: 1, degraded: 2 }]]),
  },
  'sink-up': { fact: 'sink-up', sink },
  'sink-down': { fact: 'sink-down', sink, kind: 'destination', code: 'WRONGTYPE', message: 'redis: delete the key' },
  'sink-retry': { fact: 'sink-retry', sink, code: 'WRONGTYPE', attempt: 2, delay: 200 },
  'sink-error': { fact: 'sink-error', sink, kind: 'destination', code: 'WRONGTYPE' },
  'lane-standing': { fact: 'lane-standing', sink, waitedMs: 1_500, lagMs: 2_500 },
  delivered: { fact: 'delivered', sink, records: 7, bytes: 4_000, at, latencies: [12, -5], stays: [2, 30] },
  'dead-lettered': { fact: 'dead-lettered', sink, reason: 'refused', records: 2 },
  dropped: { fact: 'dropped', sink, records: 9, bytes: 900 },
  'sink-note': { fact: 'sink-note', sink, code: 'TORN_LINE', message: 'file: cut 3 bytes' },
  lane: { fact: 'lane', sink, bytes: 123, records: 2, batches: 1 },
  accounting: { fact: 'accounting', sink, fate: 'dropped_fenced', batches: 4 },
  role: { fact: 'role', role: 'active', reason: 'take-over' },
  fenced: { fact: 'fenced' },
  'lease-renewal': { fact: 'lease-renewal', sink, outcome: 'failed', code: 'ECONNRESET', message: 'redis: cut' },
  'lease-lapsed': { fact: 'lease-lapsed', sink, ttl: 10_000 },
};
