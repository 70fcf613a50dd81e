import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePorts } from '../ports.ts';
import { Container, dockerHas } from './docker.ts';
import { redisPrograms } from './redis-programs.ts';
import type { Service } from './service.ts';
import { NativeProcess, waitFor } from './service.ts';
import type { Certificates } from './tls.ts';

const image = 'redis:8-alpine';

export interface RedisOptions {
  /** Where it runs; without it a container when a Docker daemon answers, else a process. */
  readonly backend?: 'docker' | 'native';
  /** Serves TLS only. */
  readonly tls?: Certificates;
  /** Whether clients must show a certificate; only with `tls`. */
  readonly clientCertificate?: boolean;
  /** Password of the default user. */
  readonly password?: string;
  /** What `ACL SETUSER` takes: name and rules. */
  readonly users?: readonly string[];
  /** Keeps everything in an append-only file with this fsync policy. */
  readonly persist?: 'always' | 'everysec' | 'no';
  /** Further arguments of `redis-server`. */
  readonly args?: readonly string[];
}

export interface RedisService extends Service {
  readonly port: number;
  /** `redis://` or `rediss://`, without the password. */
  readonly url: string;
  /** A client of the default user that reconnects by itself; closed by `remove`. */
  readonly admin: Redis;
  remove(): Promise<void>;
}

/** The places where a Redis can run on this machine, for tests that want several versions. */
export function redisBackends(): readonly ('docker' | 'native')[] {
  if (process.env['KV_TEST_SERVICES'] === 'docker') return ['docker'];
  return dockerHas(image) ? ['native', 'docker'] : ['native'];
}

/** Starts a real Redis on a free port of 127.0.0.1. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisService> {
  const backend = options.backend ?? (dockerHas(image) ? 'docker' : 'native');
  const port = await freePorts();
  const admin = adminClient(port, options);
  const isReady = async () => (await admin.ping()) === 'PONG';
  const server = await (backend === 'docker' ? inContainer(port, options, isReady) : asProcess(port, options, isReady));
  const service: RedisService = {
    port,
    url: `redis${options.tls ? 's' : ''}://localhost:${port}`,
    admin,
    start: () => server.start(),
    stop: () => server.stop(),
    kill: () => server.kill(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    async remove() {
      admin.disconnect();
      await server.remove();
    },
  };
  try {
    await service.start();
  } catch (error) {
    await service.remove();
    throw error;
  }
  return service;
}

type Removable = Service & { remove(): Promise<void> };

function adminClient(port: number, options: RedisOptions): Redis {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    // Tests freeze and kill servers on purpose: nothing may hang, nothing may pile up.
    commandTimeout: 5_000,
    enableOfflineQueue: false,
    retryStrategy: () => 50,
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.tls === undefined ? {} : { tls: { rejectUnauthorized: false, ...clientKeys(options.tls) } }),
  });
  client.on('error', () => {});
  return client;
}

function clientKeys(certificates: Certificates): { cert: string; key: string } {
  return { cert: readText(certificates.clientCert), key: readText(certificates.clientKey) };
}

function serverArgs(options: RedisOptions, port: number, paths: Pick<Certificates, 'ca' | 'serverCert' | 'serverKey'>) {
  const { tls, clientCertificate = false, password, users = [], persist, args = [] } = options;
  return [
    ...(tls === undefined ? ['--port', String(port)] : ['--port', '0', '--tls-port', String(port)]),
    ...(tls === undefined
      ? []
      : ['--tls-cert-file', paths.serverCert, '--tls-key-file', paths.serverKey, '--tls-ca-cert-file', paths.ca]),
    ...(tls === undefined ? [] : ['--tls-auth-clients', clientCertificate ? 'yes' : 'optional']),
    ...(password === undefined ? [] : ['--requirepass', password]),
    ...users.flatMap((user) => ['--user', ...user.split(' ')]),
    ...['--save', '', '--appendonly', persist === undefined ? 'no' : 'yes', '--appendfsync', persist ?? 'everysec'],
    ...args,
  ];
}

async function asProcess(port: number, options: RedisOptions, isReady: () => Promise<boolean>): Promise<Removable> {
  const { server, env } = await redisPrograms();
  const folder = await mkdtemp(join(tmpdir(), 'kv-event-bridge-redis-'));
  const paths = options.tls ?? { ca: '', serverCert: '', serverKey: '' };
  const native = new NativeProcess({
    command: server,
    args: ['--bind', '127.0.0.1', '--dir', folder, ...serverArgs(options, port, paths)],
    env,
    log: join(folder, 'redis.log'),
    isReady,
  });
  return removable(native, async () => {
    await native.kill();
    await rm(folder, { recursive: true, force: true });
  });
}

async function inContainer(port: number, options: RedisOptions, isReady: () => Promise<boolean>): Promise<Removable> {
  const inside = { ca: '/ca.pem', serverCert: '/server.pem', serverKey: '/server.key' };
  const { tls } = options;
  const container = new Container({
    image,
    ports: { [port]: 6379 },
    args: ['redis-server', '--protected-mode', 'no', ...serverArgs(options, 6379, inside)],
    files: tls ? { [tls.ca]: inside.ca, [tls.serverCert]: inside.serverCert, [tls.serverKey]: inside.serverKey } : {},
  });
  const service = removable(container, () => container.remove());
  return {
    ...service,
    async start() {
      await container.start();
      await waitFor(isReady, { what: `the Redis container on port ${port} answers` });
    },
  };
}

function removable(service: Service, remove: () => Promise<void>): Removable {
  return {
    start: () => service.start(),
    stop: () => service.stop(),
    kill: () => service.kill(),
    pause: () => service.pause(),
    resume: () => service.resume(),
    remove,
  };
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
