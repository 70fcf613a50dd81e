import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder, installOnce } from './service.ts';
import { onPath, unpack } from './unpack.ts';

export interface RedisPrograms {
  readonly server: string;
  readonly cli: string;
  readonly env: Readonly<Record<string, string>>;
}

const wanted = {
  packages: ['redis-server', 'redis-tools'],
  dependencies: true,
  remedy: 'tests need a Redis: install redis-server (with redis-cli) or start a Docker daemon',
};

/** `redis-server` and `redis-cli` of this machine; without them, unpacked from Debian's packages into the cache. */
export async function redisPrograms(): Promise<RedisPrograms> {
  const server = await onPath('redis-server');
  const cli = await onPath('redis-cli');
  if (server !== null && cli !== null) return { server, cli, env: {} };
  const folder = join(cacheFolder(), 'redis');
  const root = await installOnce(folder, () => unpack(folder, wanted));
  // All of them lie in the folder of the machine's architecture.
  const libraries = await findFile(root, 'libjemalloc.so.2');
  return {
    server: join(root, 'usr/bin/redis-server'),
    cli: join(root, 'usr/bin/redis-cli'),
    env: { LD_LIBRARY_PATH: dirname(libraries) },
  };
}

async function findFile(root: string, name: string): Promise<string> {
  const entries = await readdir(root, { recursive: true });
  const found = entries.find((entry) => entry.endsWith(`/${name}`));
  if (found === undefined) throw new Error(`no ${name} below ${root}: remove that folder and run again`);
  return join(root, found);
}
