import { ConfigError } from '../../core/errors.ts';
import type { RedisUrl } from './address.ts';
import { parseAddress, parseRedisUrl } from './address.ts';
import { checkHashTag, Keys } from './keys.ts';
import type { RedisConfig } from './settings.ts';

/** Refuses combinations that no Redis could satisfy. */
export function checkRedis(config: RedisConfig): void {
  const url = parseRedisUrl(config.url);
  new Keys(config.stream, config.deadLetter);
  checkLogin(config, url);
  checkTls(config, url);
  checkSentinel(config);
  checkCluster(config, url);
}

function checkLogin(config: RedisConfig, url: RedisUrl): void {
  if (config.username !== null && url.username !== null) throw twice('redis.username');
  if (config.password !== null && url.password !== null) throw twice('redis.password');
  const hasPassword = config.password !== null || url.password !== null;
  if (!hasPassword && (config.username !== null || url.username !== null)) {
    throw new ConfigError('redis.username: a user needs a password: set redis.password, too');
  }
}

function twice(key: string): ConfigError {
  return new ConfigError(`${key}: given twice, here and in redis.url; remove one`);
}

function checkTls({ tls, sentinel }: RedisConfig, url: RedisUrl): void {
  if ((tls.cert === null) !== (tls.key === null)) {
    throw new ConfigError('redis.tls.cert and redis.tls.key belong together: set both or none');
  }
  const asks = tls.ca !== null || tls.cert !== null || tls.serverName !== null || tls.insecureSkipVerify;
  if (asks && !url.tls && !sentinel.tls) {
    throw new ConfigError(
      'redis.tls: is set, but redis.url begins with redis:// and would not use it; write rediss://',
    );
  }
}

function checkSentinel({ sentinel, cluster }: RedisConfig): void {
  for (const node of sentinel.nodes) parseAddress('redis.sentinel.nodes', node);
  const uses = sentinel.nodes.length > 0;
  if (uses !== (sentinel.master !== null)) {
    throw new ConfigError('redis.sentinel.nodes and redis.sentinel.master belong together: set both or none');
  }
  if (uses && cluster.enabled) {
    throw new ConfigError('redis.sentinel and redis.cluster exclude each other: a cluster fails over by itself');
  }
  if (!uses && (sentinel.username !== null || sentinel.password !== null || sentinel.tls)) {
    throw new ConfigError('redis.sentinel: has a login or TLS, but no nodes; set redis.sentinel.nodes');
  }
}

function checkCluster(config: RedisConfig, url: RedisUrl): void {
  const { enabled, nodes } = config.cluster;
  for (const node of nodes) parseAddress('redis.cluster.nodes', node);
  if (!enabled && nodes.length > 0) {
    throw new ConfigError('redis.cluster.nodes: is set, but redis.cluster.enabled is false; set it to true');
  }
  if (!enabled) return;
  if (url.database !== 0) {
    throw new ConfigError(`redis.url: a cluster has only database 0, not ${url.database}; remove it from the URL`);
  }
  checkHashTag(config.stream, config.deadLetter);
}
