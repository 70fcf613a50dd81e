import { describe, expect, it } from 'vitest';
import { guaranteesOf } from '../../src/cli/promise.ts';
import { loadConfig } from '../../src/config/load.ts';
import { sinkModules } from '../../src/sinks/registry.ts';

async function guaranteesWith(env: Record<string, string>) {
  const { config } = await loadConfig(sinkModules, { env, flags: {} });
  const { promises, cannot } = guaranteesOf(config);
  return { promises: promises.join('\n'), cannot: cannot.join('\n') };
}

const sources = JSON.stringify([
  { name: 'fleet', bind: 'tcp://*:5557', replay: 'tcp://{pod_host}:5567', dataParallelSize: 2 },
  { name: 'engine-7', connect: 'tcp://10.0.0.7:5557', replay: 'tcp://10.0.0.7:5558' },
  { name: 'engine-8', connect: 'tcp://10.0.0.8:5557' },
]);

describe('what is promised at start-up', () => {
  it('without replay is no recovery at all', async () => {
    const { promises, cannot } = await guaranteesWith({});
    expect(promises).not.toMatch(/asked for|replay/);
    expect(cannot).toContain('source zmq has no replay endpoint: numbers lost');
  });

  it('says for each source whether and where what is missing is asked for', async () => {
    const env = { SOURCES: sources, REPLAY_ALLOW: '10.0.0.0/8', REPLAY_BUDGET: '90s' };
    const { promises, cannot } = await guaranteesWith(env);
    expect(promises).toContain(
      'source fleet: what is missing is asked for at tcp://{pod_host}:5567, port + rank, for up to 90 s per gap',
    );
    expect(promises).toContain('source engine-7: what is missing is asked for at tcp://10.0.0.7:5558, for up to');
    expect(promises).not.toContain('engine-8');
    expect(promises).toContain(
      'at most 16 MiB of live events wait for gaps before them; 8 replays at a time hold up to 32 MiB each',
    );
    expect(cannot).toMatch(/source fleet: what an engine no longer has .*replay\.allow/);
    expect(cannot).toMatch(/source engine-7: what the engine no longer has is recorded, not recovered$/m);
    expect(cannot).toContain('source engine-8 has no replay endpoint');
  });

  it('says for each sink how often a record comes, and where a start goes on', async () => {
    const { promises, cannot } = await guaranteesWith({
      BRIDGE_NAME: 'fleet-a',
      SINKS: 'stdout,redis,kafka,file',
      REDIS_DELIVERY: 'exactly-once',
    });
    expect(promises).toContain('each record once to redis, file,');
    expect(promises).toContain('at least once to kafka:');
    expect(promises).toContain('where the checkpoints in redis, kafka, file end');
    expect(cannot).toContain('recorded as missing for sources without a replay endpoint');
    expect(cannot).not.toContain('no sink keeps checkpoints');
    expect((await guaranteesWith({})).cannot).toContain('no sink keeps checkpoints');
  });

  it.each([
    ['auto', 'source zmq: up to 128 KiB per publisher wait to be read, and unfinished messages of 512 MiB together'],
    ['libzmq', 'source zmq: libzmq may hold 1000 messages of any size per publisher'],
  ])('says what a source with the transport %s holds', async (transport, sentence) => {
    expect((await guaranteesWith({ ZMQ_TRANSPORT: transport })).cannot).toContain(sentence);
  });

  it('says when a standby takes over', async () => {
    const env = { BRIDGE_NAME: 'a', SINKS: 'redis', REDIS_DELIVERY: 'exactly-once', STANDBY: 'true', LEASE_TTL: '4s' };
    expect((await guaranteesWith(env)).promises).toContain('takes over within 6 s');
  });
});
