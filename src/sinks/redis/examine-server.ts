import type { Finding } from '../../core/finding.ts';
import type { Caller } from './caller.ts';
import { redisFinding as find } from './examine-findings.ts';
import type { RedisConfig } from './settings.ts';

/** What a server says of itself; null where it may not be asked. */
export interface ServerInfo {
  readonly fields: ReadonlyMap<string, string>;
  /** The setting `save`: empty without snapshots; null where it may not be asked. */
  readonly save: string | null;
}

const nearlyFull = 0.9;

export async function readInfo(caller: Caller): Promise<ServerInfo | null> {
  let text: string;
  try {
    text = String(await caller.call('INFO'));
  } catch {
    return null;
  }
  const fields = new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
  return { fields, save: await readSave(caller) };
}

/** A list in RESP2, a map in RESP3. */
async function readSave(caller: Caller): Promise<string | null> {
  try {
    const answer = await caller.call('CONFIG', 'GET', 'save');
    const value = Array.isArray(answer) ? answer[1] : (answer as Readonly<Record<string, unknown>> | null)?.['save'];
    return typeof value === 'string' ? value : null;
  } catch {
    // Managed servers have no CONFIG.
    return null;
  }
}

export function* examineServer(config: RedisConfig, where: string, info: ServerInfo | null): Generator<Finding> {
  if (info === null) {
    yield find('redis-reachable', where, 'it answers, and takes the login');
    yield find('redis-unasked', where, 'the user may not ask INFO: role, persistence and memory were not looked at');
    return;
  }
  const { fields } = info;
  const version = fields.get('valkey_version') ?? fields.get('redis_version') ?? '?';
  const product = fields.has('valkey_version') ? 'Valkey' : 'Redis';
  const role = fields.get('role') ?? '?';
  yield find('redis-reachable', where, `${product} ${version} answers (${role}), and takes the login`, {
    facts: { version, role, tls: config.url.startsWith('rediss:') },
  });
  if (isOld(fields.get('redis_version') ?? '')) yield find('redis-version', where, `it is ${product} ${version}`);
  if (role === 'slave') yield find('redis-replica', where, 'it is a replica');
  const isCluster = fields.get('cluster_enabled') === '1';
  if (fields.has('cluster_enabled') && isCluster !== config.cluster.enabled)
    yield find(
      'redis-cluster-mode',
      where,
      `the server is ${isCluster ? 'a node of a cluster' : 'no cluster'}, and redis.cluster.enabled is ${config.cluster.enabled}`,
    );
  yield* persistence(where, info);
  yield* memory(where, fields);
}

function isOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 0 && (major < 6 || (major === 6 && minor < 2));
}

function* persistence(where: string, { fields, save }: ServerInfo): Generator<Finding> {
  const [aof, aofWrite, snapshot] = ['aof_enabled', 'aof_last_write_status', 'rdb_last_bgsave_status'].map((name) =>
    fields.get(name),
  );
  const facts = { appendonly: aof === '1', save };
  if (aof === '1') yield find('redis-persistence', where, 'it keeps an append-only file', { facts });
  else if (save === '') yield find('redis-persistence-off', where, 'appendonly is no, and save is empty', { facts });
  else if (save !== null) yield find('redis-snapshots-only', where, `appendonly is no, save is "${save}"`, { facts });
  else yield find('redis-snapshots-only', where, 'appendonly is no; save may not be asked', { facts });
  if ((aof === '1' && aofWrite === 'err') || snapshot === 'err')
    yield find(
      'redis-disk',
      where,
      `its last ${snapshot === 'err' ? 'snapshot' : 'write to the append-only file'} failed`,
    );
}

function* memory(where: string, fields: ReadonlyMap<string, string>): Generator<Finding> {
  const [limit, used] = [Number(fields.get('maxmemory') ?? 0), Number(fields.get('used_memory') ?? 0)];
  const policy = fields.get('maxmemory_policy') ?? 'noeviction';
  const facts = { maxmemory: limit, used_memory: used, maxmemory_policy: policy };
  if (limit === 0) {
    yield find('redis-memory-unbounded', where, `${mebibytes(used)} are used, maxmemory is not set`, { facts });
    return;
  }
  const share = used / limit;
  const sentence = `${mebibytes(used)} of ${mebibytes(limit)} are used, maxmemory-policy is ${policy}`;
  if (policy.startsWith('allkeys-')) yield find('redis-evicts', where, sentence, { facts });
  else if (share >= 1) yield find('redis-memory-full', where, sentence, { facts });
  else if (share >= nearlyFull) yield find('redis-memory-high', where, sentence, { facts });
  else yield find('redis-memory', where, sentence, { facts });
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(bytes < 104_857_600 ? 1 : 0)} MiB`;
}
