import type {
  SinkStatus,
  SourceStatus,
  Status,
  StatusQuery,
  StatusSource,
  StreamStatus,
} from '../../src/core/status.ts';

const balance = {
  received: 0,
  replayed: 0,
  delivered: 0,
  queued: 0,
  duplicate: 0,
  dead_lettered: 0,
  dropped_sink_overflow: 0,
  dropped_stopped: 0,
  dropped_unread: 0,
  dropped_fenced: 0,
};

export function streamStatus(id: string, over: Partial<StreamStatus> = {}): StreamStatus {
  const [source = 'zmq', ...rest] = id.split('/');
  return {
    id,
    source,
    topic: rest.slice(0, -1).join('/'),
    pod: null,
    model: null,
    rank: null,
    peer: null,
    state: 'live',
    completeness: 'exact',
    epoch: 1_763_800_000_000,
    seq: '41',
    last_event_at: 1_763_800_000.5,
    events: 42,
    gaps: 0,
    missing: '0',
    recovered: '0',
    restarts: 0,
    duplicates: 0,
    undecodable: 0,
    sinks: { file: { epoch: 1_763_800_000_000, seq: '41' } },
    ...over,
  };
}

export function sinkStatus(name: string, over: Partial<SinkStatus> = {}): SinkStatus {
  return {
    name,
    state: 'up',
    since: 1_763_800_000,
    code: null,
    message: null,
    kind: null,
    delivery: 'at-least-once',
    lane: { bytes: 0, limit_bytes: 67_108_864, records: 0, batches: 0 },
    lag_seconds: 0,
    last_settled_at: 1_763_800_000,
    records_delivered: 0,
    bytes_delivered: 0,
    retries: 0,
    dead_lettered: 0,
    backpressure_seconds: 0,
    accounting: balance,
    ...over,
  };
}

export function sourceStatus(over: Partial<SourceStatus> = {}): SourceStatus {
  return {
    name: 'zmq',
    endpoint: 'tcp://*:5557',
    mode: 'bind',
    transport: 'zmtp',
    topics: [],
    state: 'open',
    peers: 0,
    frames: 0,
    bytes: 0,
    batches: 0,
    events: { BlockStored: 0, BlockRemoved: 0, AllBlocksCleared: 0, other: 0 },
    undecodable: 0,
    duplicates: 0,
    last_frame_at: null,
    clock_skew_seconds: null,
    last_trouble: null,
    ...over,
  };
}

/** A state that a test sets. */
export class PlayedStatus implements StatusSource {
  streams: StreamStatus[] = [];
  over: Partial<Omit<Status, 'streams'>> = {};
  asked = 0;

  status({ streams = 1_000 }: StatusQuery = {}): Status {
    this.asked += 1;
    const items = this.streams.slice(0, streams);
    return {
      name: 'fleet-a',
      version: '0.1.0',
      role: 'active',
      started_at: 1_763_800_000,
      now: Date.now() / 1_000,
      ready: true,
      reasons: [],
      completeness: 'exact',
      sources: [sourceStatus()],
      sinks: [sinkStatus('file')],
      recent_controls: [],
      weakened: [],
      ...this.over,
      streams: { known: this.streams.length, shown: items.length, items },
    };
  }
}
