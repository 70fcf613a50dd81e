import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import type { Options } from '../arguments.ts';

const root = new URL('../../../', import.meta.url);

export function loadNow(): number {
  return loadavg()[0] ?? 0;
}

/** Name and value of what the figures depend on. */
export type Facts = readonly (readonly [string, string])[];

/** `load` is the load average before the bench began. */
export function facts({ peer, python, typed }: Options, servers: readonly string[], load: number): Facts {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return [
    ['date', new Date().toISOString().slice(0, 10)],
    ['command', `npm run bench${typed === '' ? '' : ` -- ${withoutFolders(typed)}`}`],
    ['commit', output('git', ['-C', root.pathname, 'describe', '--always', '--dirty']) || 'unknown'],
    ['machine', `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory}, ${process.platform} ${release()}`],
    ['load average before', `${load.toFixed(1)}${load > 0.5 ? ' (others were at work on this machine)' : ''}`],
    ['Node.js', process.versions.node],
    ['libraries', ['zeromq', '@msgpack/msgpack', 'ioredis', 'kafkajs'].map(version).join(', ')],
    ['servers', servers.join(', ')],
    ...(peer === null ? [] : [['Python', pythonVersions(python)] as const]),
  ];
}

/** Where somebody keeps a file says nothing to anybody else. */
function withoutFolders(typed: string): string {
  return typed.replaceAll(/(^|[ =])\/\S*\//g, '$1');
}

function version(name: string): string {
  const file = new URL(`node_modules/${name}/package.json`, root);
  const { version: number } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return `${name} ${number}`;
}

function pythonVersions(python: string): string {
  const names = ['pyzmq', 'msgspec', 'redis', 'hiredis', 'confluent-kafka'];
  const script = `import platform, importlib.metadata as m
print("Python", platform.python_version(), end="")
for n in ${JSON.stringify(names)}:
    try: print(",", n, m.version(n), end="")
    except m.PackageNotFoundError: pass`;
  return output(python, ['-c', script]) || 'not found';
}

function output(command: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : '';
}
