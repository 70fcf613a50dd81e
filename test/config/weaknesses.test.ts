import { describe, expect, it } from 'vitest';
import { guaranteesOf } from '../../src/cli/promise.ts';
import { loadConfig } from '../../src/config/load.ts';
import { weaknessesOf } from '../../src/config/weaknesses.ts';
import { sinkModules } from '../../src/sinks/registry.ts';

const load = async (env: Readonly<Record<string, string>>) =>
  (await loadConfig(sinkModules, { env, flags: {} })).config;
const weakened = async (env: Readonly<Record<string, string>>) =>
  weaknessesOf(await load(env)).map(({ setting, value }) => `${setting}=${value}`);

/** Nothing is taken from the promise. */
const strong = { REPLAY_ENDPOINT: 'tcp://{peer}:5558', SINKS: 'redis' };

describe('settings that weaken the promise', () => {
  it('are none where each loss can be filled and the sink keeps checkpoints', async () => {
    expect(await weakened(strong)).toEqual([]);
  });

  it.each([
    [{ REPLAY_ENDPOINT: undefined }, 'replay.endpoint=not set'],
    [{ SINKS: 'redis,stdout' }, 'sinks=redis,stdout'],
    [{ SINKS: 'stdout' }, 'sinks=stdout'],
    [{ REDIS_WHEN_FULL: 'drop' }, 'redis.whenFull=drop'],
    [{ SINKS: 'file', FILE_FSYNC: 'never' }, 'file.fsync=never'],
    [{ SINKS: 'kafka', KAFKA_IDEMPOTENT: 'false' }, 'kafka.idempotent=false'],
    [{ CHECKPOINT_WAIT: '0' }, 'checkpointWait=0'],
    [{ DRAIN_TIMEOUT: '0' }, 'drainTimeout=0'],
    [
      {
        ZMQ_TRANSPORT: 'libzmq',
        ZMQ_RECEIVE_HIGH_WATER_MARK: '0',
        REPLAY_ENDPOINT: 'tcp://{pod_host}:5558',
        REPLAY_ALLOW: '10.0.0.0/8',
      },
      'zmq.receiveHighWaterMark=0',
    ],
  ])('%j', async (change, expected) => {
    const env = Object.fromEntries(Object.entries({ ...strong, ...change }).filter(([, value]) => value !== undefined));
    expect([...new Set(await weakened(env as Record<string, string>))]).toEqual([expected]);
  });

  it('are not the wait for checkpoints of a sink that is always waited for, nor a mark that nobody uses', async () => {
    const exact = { ...strong, BRIDGE_NAME: 'b', REDIS_DELIVERY: 'exactly-once', CHECKPOINT_WAIT: '0' };
    expect(await weakened({ ...exact, ZMQ_RECEIVE_HIGH_WATER_MARK: '0' })).toEqual([]);
  });

  it('of configured sources carry their names', async () => {
    const sources = [
      { name: 'a', connect: 'tcp://h:5557' },
      { name: 'b', connect: 'tcp://h:5558', transport: 'libzmq', receiveHighWaterMark: 0, replay: 'tcp://h:6000' },
    ];
    expect(await weakened({ SINKS: 'redis', SOURCES: JSON.stringify(sources) })).toEqual([
      'sources.a.replay=not set',
      'sources.b.receiveHighWaterMark=0',
    ]);
  });

  it('are what the start-up line says that cannot be kept', async () => {
    const config = await load({ SINKS: 'stdout,file', FILE_FSYNC: 'never', STDOUT_WHEN_FULL: 'drop' });
    const whys = weaknessesOf(config).map(({ why }) => why);
    expect(whys).toHaveLength(4);
    expect(guaranteesOf(config).cannot).toEqual(expect.arrayContaining(whys));
  });
});
