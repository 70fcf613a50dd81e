import { afterEach, expect, it } from 'vitest';
import { Bridge } from '../e2e/bridge.ts';
import { freePorts } from '../support/ports.ts';
import { Prometheus } from '../support/services/prometheus.ts';
import { startRedis } from '../support/services/redis.ts';
import { waitFor } from '../support/services/service.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it('a Prometheus sees that two supervised bridges of one name take it from each other in turns', async () => {
  const redis = await startRedis();
  ends.push(() => redis.remove());
  const env = { BRIDGE_NAME: 'fleet-a', SINKS: 'redis', REDIS_URL: redis.url, REDIS_DELIVERY: 'exactly-once' };
  const ports = [await freePorts(), await freePorts()].map(String);
  const prometheus = await Prometheus.start({ targets: ports.map((port) => `127.0.0.1:${port}`) });
  ends.push(() => prometheus.stop());
  const start = async (turn: number) => {
    const HTTP_PORT = ports[turn % 2] ?? '';
    const bridge = await Bridge.start({ ...env, LEASE_TTL: '3s', ZMQ_PORT: '0', HTTP_PORT });
    ends.push(() => bridge.stop('SIGKILL'));
    return bridge;
  };
  let older = await start(0);
  for (let turn = 1; turn <= 3; turn += 1) {
    await older.ready();
    const newer = await start(turn);
    // What a supervisor waits for before it starts it again, and so fences the newer one.
    expect(await older.exited, older.stderr).toBe(1);
    older = newer;
  }
  const firing = async () => (await prometheus.alerts()).filter(({ state }) => state === 'firing');
  await waitFor(
    async () => (await firing()).some(({ labels }) => labels['alertname'] === 'KvEventBridgeFencedInTurns'),
    { what: 'the alert fires' },
  );
  const fenced = (await firing()).filter(({ labels }) => labels['alertname'] === 'KvEventBridgeFenced');
  expect(fenced.map(({ labels }) => labels['instance']?.split(':')[1]).sort()).toEqual([...ports].sort());
});
