import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { freePorts } from '../ports.ts';
import type { RedisService } from './redis.ts';
import { startRedis } from './redis.ts';
import { redisPrograms } from './redis-programs.ts';
import type { Service } from './service.ts';
import { NativeProcess, waitFor } from './service.ts';

const run = promisify(execFile);

/** Always processes: their members tell clients addresses that would mean nothing outside a container network. */
export interface SentinelSet {
  /** Name under which the sentinels know the master. */
  readonly name: string;
  /** Two servers; the first begins as the master, the second as its replica. */
  readonly servers: readonly [RedisService, RedisService];
  /** `host:port` of each sentinel. */
  readonly sentinels: readonly string[];
  /** Port of the server that the sentinels call the master now. */
  masterPort(): Promise<number>;
  /** Makes the other server the master; resolves when the sentinels have begun. */
  failover(): Promise<void>;
  remove(): Promise<void>;
}

/** Starts a master, a replica and sentinels that fail over after one second. */
export async function startSentinel(count = 1, requirepass?: string): Promise<SentinelSet> {
  const name = 'kv-master';
  const master = await startRedis({ backend: 'native' });
  const replica = await startRedis({ backend: 'native', args: ['--replicaof', '127.0.0.1', String(master.port)] });
  const sentinels: Sentinel[] = [];
  for (let i = 0; i < count; i++) sentinels.push(await startOneSentinel(name, master.port, count, requirepass));
  const admin = new Redis({ port: sentinels[0]?.port ?? 0, ...(requirepass ? { password: requirepass } : {}) });
  admin.on('error', () => {});
  await waitFor(async () => ((await admin.call('SENTINEL', 'REPLICAS', name)) as unknown[]).length === 1, {
    what: 'the sentinel knows the replica',
  });
  await waitFor(async () => (await replica.admin.info('replication')).includes('master_link_status:up'), {
    what: 'the replica follows',
  });
  return {
    name,
    servers: [master, replica],
    sentinels: sentinels.map((sentinel) => `127.0.0.1:${sentinel.port}`),
    async masterPort() {
      const [, port] = (await admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as [string, string];
      return Number(port);
    },
    async failover() {
      // Refused for a while after an earlier failover.
      await waitFor(async () => (await admin.call('SENTINEL', 'FAILOVER', name)) === 'OK', {
        what: 'a failover begins',
      });
    },
    async remove() {
      admin.disconnect();
      await Promise.all([...sentinels, master, replica].map((one) => one.remove()));
    },
  };
}

type Sentinel = Service & { readonly port: number; remove(): Promise<void> };

async function startOneSentinel(name: string, masterPort: number, count: number, password?: string): Promise<Sentinel> {
  const { server, env } = await redisPrograms();
  const folder = await mkdtemp(join(tmpdir(), 'kv-event-bridge-sentinel-'));
  const port = await freePorts();
  const quorum = Math.floor(count / 2) + 1;
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${folder}`,
    `sentinel monitor ${name} 127.0.0.1 ${masterPort} ${quorum}`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 1000`,
    ...(password === undefined ? [] : [`requirepass ${password}`]),
  ];
  const file = join(folder, 'sentinel.conf');
  await writeFile(file, `${lines.join('\n')}\n`);
  const probe = new Redis({ port, lazyConnect: true, ...(password === undefined ? {} : { password }) });
  probe.on('error', () => {});
  const sentinel = new NativeProcess({
    command: server,
    args: [file, '--sentinel'],
    env,
    log: join(folder, 'sentinel.log'),
    isReady: async () => (await probe.ping()) === 'PONG',
  });
  await sentinel.start();
  probe.disconnect();
  return Object.assign(sentinel, {
    port,
    async remove() {
      await sentinel.kill();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

export interface ClusterSet {
  /** The masters; each owns a third of the slots. */
  readonly nodes: readonly RedisService[];
  /** The node that owns this key. */
  ownerOf(key: string): Promise<RedisService>;
  remove(): Promise<void>;
}

async function startClusterNode(): Promise<RedisService> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-require-full-coverage', 'no'];
  // By default the nodes talk 10 000 above their port, where somebody else may listen, or no port is left.
  return startRedis({ backend: 'native', args: [...args, '--cluster-port', String(await freePorts())] });
}

/** Starts a cluster of three masters without replicas. */
export async function startCluster(): Promise<ClusterSet> {
  const nodes = await Promise.all([0, 1, 2].map(() => startClusterNode()));
  const { cli, env } = await redisPrograms();
  const addresses = nodes.map((node) => `127.0.0.1:${node.port}`);
  await run(cli, ['--cluster', 'create', ...addresses, '--cluster-yes'], { env: { ...process.env, ...env } });
  for (const node of nodes) {
    await waitFor(async () => (await node.admin.cluster('INFO')).includes('cluster_state:ok'), {
      what: `the cluster node on port ${node.port} is ok`,
    });
  }
  return {
    nodes,
    async ownerOf(key) {
      const [first] = nodes;
      if (first === undefined) throw new Error('an empty cluster');
      const slot = await first.admin.cluster('KEYSLOT', key);
      const ranges = await first.admin.cluster('SLOTS');
      const range = ranges.find(([from, to]) => from <= slot && slot <= to);
      const owner = nodes.find((node) => node.port === range?.[2]?.[1]);
      if (owner === undefined) throw new Error(`nobody owns slot ${slot}`);
      return owner;
    },
    async remove() {
      await Promise.all(nodes.map((node) => node.remove()));
    },
  };
}
