import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, installOnce } from './service.ts';

const run = promisify(execFile);

export interface RedisPrograms {
  readonly server: string;
  readonly cli: string;
  readonly env: Readonly<Record<string, string>>;
}

/** `redis-server` and `redis-cli` of this machine; without them, unpacked from Debian's packages into the cache. */
export async function redisPrograms(): Promise<RedisPrograms> {
  const server = await onPath('redis-server');
  const cli = await onPath('redis-cli');
  if (server !== null && cli !== null) return { server, cli, env: {} };
  const root = await installOnce(join(cacheFolder(), 'redis'), () => unpackRedis(join(cacheFolder(), 'redis')));
  // All of them lie in the folder of the machine's architecture.
  const libraries = await findFile(root, 'libjemalloc.so.2');
  return {
    server: join(root, 'usr/bin/redis-server'),
    cli: join(root, 'usr/bin/redis-cli'),
    env: { LD_LIBRARY_PATH: dirname(libraries) },
  };
}

async function onPath(program: string): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const entries = await readdir(folder).catch((): string[] => []);
    if (entries.includes(program)) return join(folder, program);
  }
  return null;
}

async function unpackRedis(target: string): Promise<void> {
  const work = await mkdtemp(`${target}-`);
  try {
    await download(work, ['redis-server', 'redis-tools']);
    for (const file of await readdir(work)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', file, 'root'], { cwd: work });
    }
    await rename(join(work, 'root'), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function download(folder: string, packages: readonly string[]): Promise<void> {
  try {
    await aptDownload(folder, packages).catch(async () => {
      // A fresh machine knows no packages yet; only root may change that.
      await run('apt-get', ['-q', 'update']);
      await aptDownload(folder, packages);
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `tests need a Redis: install redis-server (with redis-cli) or start a Docker daemon; downloading Debian's packages failed, perhaps "apt-get update" helps: ${reason}`,
    );
  }
}

/** The packages and all they depend on, but what this machine has. */
async function aptDownload(folder: string, packages: readonly string[]): Promise<void> {
  const without = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (kind) => `--no-${kind}`,
  );
  const { stdout } = await run('apt-cache', ['depends', '--recurse', ...without, ...packages]);
  const names = stdout.split('\n').filter((line) => /^[a-z0-9]/.test(line));
  const missing = await Promise.all(names.map(async (name) => ((await isInstalled(name)) ? [] : [name])));
  await run('apt-get', ['-q', 'download', ...missing.flat()], { cwd: folder });
}

async function isInstalled(name: string): Promise<boolean> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the braces are dpkg's own.
  const query = run('dpkg-query', ['--show', '--showformat=${db:Status-Status}', name]);
  return query.then(
    ({ stdout }) => stdout === 'installed',
    () => false,
  );
}

async function findFile(root: string, name: string): Promise<string> {
  const entries = await readdir(root, { recursive: true });
  const found = entries.find((entry) => entry.endsWith(`/${name}`));
  if (found === undefined) throw new Error(`no ${name} below ${root}: remove that folder and run again`);
  return join(root, found);
}
