import type { FindingRow } from '../../core/finding-table.ts';
import { finderOf } from '../../core/finding-table.ts';

const rights = 'grant the rights listed in docs/sinks/redis.md';

/** What doctor can find out about a Redis. */
export const redisFindings = {
  'redis-reachable': { level: 'ok', means: 'Redis answers, and takes the login.', remedy: null },
  'redis-unreachable': {
    level: 'failure',
    means: 'Redis cannot be reached.',
    remedy: 'is Redis running, and is redis.url right?',
    cause: 'cannot be reached',
  },
  'redis-login': {
    level: 'failure',
    means: 'Redis wants a login, or refuses ours.',
    remedy: 'set or correct redis.username and redis.password',
    cause: 'the login is refused',
  },
  'redis-tls': {
    level: 'failure',
    means: 'TLS fails.',
    remedy: 'check rediss:// in redis.url, redis.tls.ca and redis.tls.serverName',
    cause: 'TLS fails',
  },
  'redis-unusable': {
    level: 'failure',
    means: 'Redis answers, and cannot be used as it is configured.',
    remedy: 'mend what the message names',
    cause: 'cannot be used as configured',
  },
  'redis-version': {
    level: 'failure',
    means: 'This Redis is older than 6.2.',
    remedy: 'use Redis 6.2 or newer',
    cause: 'older than 6.2',
  },
  'redis-unasked': {
    level: 'skipped',
    means: 'The user may not ask INFO: role, persistence and memory are unknown. The sink does not need that right.',
    remedy: 'grant +info and +config|get to see them, or run doctor as another user',
  },
  'redis-replica': {
    level: 'failure',
    means: 'This Redis is a replica: it takes no writes.',
    remedy: 'connect to the master, or set redis.sentinel',
    cause: 'a replica, which takes no writes',
  },
  'redis-cluster-mode': {
    level: 'failure',
    means: 'redis.cluster.enabled does not fit this Redis.',
    remedy: 'set redis.cluster.enabled to what the server is',
    cause: 'redis.cluster.enabled does not fit',
  },
  'redis-persistence': { level: 'ok', means: 'Redis keeps an append-only file.', remedy: null },
  'redis-snapshots-only': {
    level: 'note',
    means: 'Redis keeps snapshots only: a crash loses what came after the last one.',
    remedy: 'set appendonly to yes, where the records must survive a crash of Redis',
  },
  'redis-persistence-off': {
    level: 'warning',
    means: 'Redis keeps nothing on its disk: a restart of Redis loses the stream and the checkpoints.',
    remedy: 'set appendonly to yes (redis-cli CONFIG SET appendonly yes, and CONFIG REWRITE)',
    cause: 'nothing is kept on disk',
  },
  'redis-disk': {
    level: 'failure',
    means: 'Redis cannot write to its disk, and may refuse writes for that.',
    remedy: 'free space on its disk, and look at its log',
    cause: 'the disk cannot be written',
  },
  'redis-memory': { level: 'ok', means: 'There is room, and no key of the sink is evicted.', remedy: null },
  'redis-memory-unbounded': {
    level: 'note',
    means: 'Redis has no maxmemory: it grows until its machine has no memory left.',
    remedy: 'set maxmemory, with the policy noeviction',
  },
  'redis-memory-high': {
    level: 'warning',
    means: 'Redis is nearly full.',
    remedy: 'raise maxmemory, or set redis.maxLen or redis.maxAge',
    cause: 'nearly full',
  },
  'redis-memory-full': {
    level: 'failure',
    means: 'Redis is full and refuses to append.',
    remedy: 'raise maxmemory, delete keys, or set redis.maxLen or redis.maxAge',
    cause: 'full, maxmemory is reached',
  },
  'redis-evicts': {
    level: 'warning',
    means: 'With this maxmemory-policy a full Redis throws whole keys away: the stream, or the checkpoints.',
    remedy: 'set maxmemory-policy to noeviction',
    cause: 'keys are evicted once the memory is full',
  },
  'redis-wrong-type': {
    level: 'failure',
    means: 'A key that the sink needs holds something else.',
    remedy: 'delete or rename that key, or set another redis.stream',
    cause: 'holds something else than is needed',
  },
  'redis-rights': { level: 'ok', means: 'The user may run every command that the sink needs.', remedy: null },
  'redis-rights-missing': {
    level: 'failure',
    means: 'The user may not run a command that the sink needs, or not on these keys.',
    remedy: rights,
    cause: 'rights are missing',
  },
  'redis-refuses-writes': {
    level: 'failure',
    means: 'Redis refuses writes.',
    remedy: 'mend what its answer names',
    cause: 'writes are refused',
  },
  'redis-stream': { level: 'ok', means: 'The stream: its length and how it is trimmed.', remedy: null },
  'redis-stream-absent': {
    level: 'ok',
    means: 'The stream does not exist yet; the first record makes it.',
    remedy: null,
  },
  'redis-untrimmed': {
    level: 'note',
    means: 'Nothing trims the stream: it grows until Redis is full.',
    remedy: 'set redis.maxLen or redis.maxAge, longer than the longest outage of your consumers',
  },
  'redis-checkpoints': { level: 'ok', means: 'The checkpoints of this name that Redis holds.', remedy: null },
  'redis-bad-checkpoint': {
    level: 'warning',
    means: 'A checkpoint is not what a bridge writes, and is taken for absent.',
    remedy: 'look who else writes to the hash of checkpoints; remove the field with HDEL',
    cause: 'a checkpoint cannot be read',
  },
  'redis-name-held': {
    level: 'note',
    means: 'Who took the name of this bridge last, and whether a lease says that it lives.',
    remedy: null,
  },
} as const satisfies Readonly<Record<string, FindingRow>>;

export const redisFinding = finderOf(redisFindings);
