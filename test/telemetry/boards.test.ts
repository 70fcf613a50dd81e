import { beforeEach, describe, expect, it } from 'vitest';
import type { Fact } from '../../src/core/observer.ts';
import { Balance } from '../../src/telemetry/balance.ts';
import { Health } from '../../src/telemetry/health.ts';
import { SinkBoard } from '../../src/telemetry/sink-board.ts';
import { SourceBoard } from '../../src/telemetry/source-board.ts';
import { Traffic } from '../../src/telemetry/traffic.ts';
import { examples } from './facts.ts';

const at = 1_700_000_000_000;
const now = () => at;

describe('the board of sources', () => {
  const plan = { name: 'zmq', mode: 'bind', transport: 'zmtp', topics: ['kv@'] } as const;
  const other = { ...plan, endpoint: 'tcp://*:5558' };
  let traffic: Traffic;
  let board: SourceBoard;

  beforeEach(() => {
    traffic = new Traffic();
    const connected = {
      name: 'dialled',
      endpoint: 'tcp://h:0',
      mode: 'connect',
      transport: 'libzmq',
      topics: [],
    } as const;
    board = new SourceBoard([{ ...plan, endpoint: 'tcp://*:5557' }, other, connected], traffic, now);
  });

  it('has an entry for each socket, whose state follows the facts', () => {
    const states = () => board.status().map(({ state, peers }) => `${state} ${peers}`);
    expect(states()).toEqual(['opening 0', 'opening 0', 'opening 0']);
    board.observe(examples['source-open']);
    board.observe({ ...examples['source-peers'], endpoint: 'tcp://*:5558' });
    expect(states()).toEqual(['open 0', 'opening 3', 'opening 0']);
    board.observe({ ...examples['source-closed'], endpoint: 'tcp://*:5558' });
    expect(states()).toEqual(['open 0', 'closed 0', 'opening 0']);
    board.observe({ fact: 'role', role: 'standby', reason: 'fenced' });
    expect(states()).toEqual(['closed 0', 'closed 0', 'closed 0']);
    board.observe({ fact: 'role', role: 'active', reason: 'take-over' });
    expect(states()).toEqual(['opening 0', 'opening 0', 'opening 0']);
  });

  it('shows the port that was chosen, and the configured one again in the next turn', () => {
    const any = new SourceBoard([{ ...plan, endpoint: 'tcp://*:0' }], traffic, now);
    any.observe({ ...examples['source-open'], endpoint: 'tcp://*:43210' });
    expect(any.status()).toMatchObject([{ endpoint: 'tcp://*:43210', state: 'open' }]);
    any.observe({ fact: 'role', role: 'active', reason: 'take-over' });
    expect(any.status()).toMatchObject([{ endpoint: 'tcp://*:0', state: 'opening' }]);
  });

  it('keeps the last trouble, with who it was where that is known', () => {
    expect(board.status()[0]).toMatchObject({ last_trouble: null, topics: ['kv@'] });
    board.observe(examples['source-trouble']);
    const trouble = { at: at / 1_000, reason: 'handshake_failed', message: 'no handshake', peer: null };
    expect(board.status()[0]?.last_trouble).toEqual(trouble);
    board.observe({ ...examples['source-trouble'], peer: '10.0.0.9' });
    expect(board.status()[0]?.last_trouble).toEqual({ ...trouble, peer: '10.0.0.9' });
  });

  it('counts for each socket alone; what came through none of them counts with the first', () => {
    traffic.frames({ ...examples['frame-received'], at });
    traffic.frames({ ...examples['frame-received'], endpoint: other.endpoint, frames: 4, bytes: 10, at: at + 5 });
    traffic.batches({ ...examples['batch-accepted'], endpoint: other.endpoint, engineTime: at + 20 });
    traffic.batches({ ...examples['batch-accepted'], endpoint: '', engineTime: null });
    traffic.undecodable({ ...examples.undecodable, endpoint: other.endpoint });
    traffic.duplicate(examples.duplicate);
    expect(board.status()).toMatchObject([
      {
        ...{ frames: 1, bytes: 700, batches: 1, undecodable: 0, duplicates: 1, last_frame_at: at / 1_000 },
        ...{ clock_skew_seconds: null, events: { BlockStored: 2, BlockRemoved: 0, AllBlocksCleared: 0, other: 5 } },
      },
      {
        ...{ frames: 4, bytes: 10, batches: 1, undecodable: 1, duplicates: 0, last_frame_at: (at + 5) / 1_000 },
        clock_skew_seconds: -0.02,
      },
      { frames: 0, batches: 0, last_frame_at: null, clock_skew_seconds: null },
    ]);
  });
});

describe('the board of sinks', () => {
  let board: SinkBoard;
  let observe: (fact: Fact) => void;

  beforeEach(() => {
    const health = new Health({ sources: 0, sinks: ['redis', 'stdout'], degradedAfter: 0, now });
    const balance = new Balance(['redis', 'stdout']);
    const plans = [
      { name: 'redis', delivery: 'exactly-once', limitBytes: 1_000 },
      { name: 'stdout', delivery: null, limitBytes: 2_000 },
    ];
    board = new SinkBoard(plans, health, balance);
    observe = (fact) => {
      for (const observer of [health.observe, balance.observe, board.observe]) observer(fact);
    };
  });

  it('begins with nothing', () => {
    expect(board.status()).toMatchObject([
      {
        ...{ name: 'redis', state: 'connecting', since: at / 1_000, code: null, message: null, kind: null },
        ...{ delivery: 'exactly-once', lane: { bytes: 0, limit_bytes: 1_000, records: 0, batches: 0 } },
        ...{ lag_seconds: 0, last_settled_at: null, records_delivered: 0, bytes_delivered: 0, retries: 0 },
        ...{ dead_lettered: 0, backpressure_seconds: 0 },
      },
      { name: 'stdout', delivery: null },
    ]);
    expect(board.status()[0]?.accounting).toMatchObject({ received: 0, dropped_stopped: 0, queued: 0 });
  });

  it('adds up what the facts say of each sink', () => {
    for (const fact of [examples.delivered, examples['sink-retry'], examples['dead-lettered'], examples.lane]) {
      observe(fact);
      if (fact.fact !== 'lane') observe(fact);
    }
    observe(examples['lane-standing']);
    observe({ ...examples['lane-standing'], lagMs: 0 });
    observe({ ...examples.accounting, fate: 'received' });
    observe(examples['sink-down']);
    expect(board.status()).toMatchObject([
      {
        ...{ state: 'down', kind: 'destination', code: 'WRONGTYPE', message: 'redis: delete the key' },
        ...{ records_delivered: 14, bytes_delivered: 8_000, last_settled_at: at / 1_000, retries: 2, dead_lettered: 4 },
        ...{ lane: { bytes: 123, records: 2, batches: 1 }, lag_seconds: 0, backpressure_seconds: 3 },
        accounting: { received: 4, queued: 1 },
      },
      { state: 'connecting', records_delivered: 0, backpressure_seconds: 0 },
    ]);
    observe(examples['sink-up']);
    expect(board.status()[0]).toMatchObject({ state: 'up', kind: null, code: null, message: null });
  });
});
