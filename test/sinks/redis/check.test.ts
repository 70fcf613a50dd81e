import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.ts';
import { parseAddress, parseRedisUrl, showAddress } from '../../../src/sinks/redis/address.ts';
import { redisConfig } from '../../support/services/redis-sink.ts';

describe('the check of the configuration', () => {
  it('takes the defaults', () => {
    expect(redisConfig()).toMatchObject({ url: 'redis://localhost:6379', stream: 'kv-events', field: 'record' });
  });

  const sentinel = { nodes: ['a:26379'], master: 'm' };
  const tls = 'rediss://r';

  it.each([
    ['{pod}', { stream: '{pod}' }, 'redis.stream'],
    ['a user twice', { url: 'redis://u:p@r', username: 'u' }, 'redis.username'],
    ['a password twice', { url: 'redis://:p@r', password: 'p' }, 'redis.password'],
    ['a user without password', { username: 'u' }, 'redis.password'],
    ['a certificate without key', { url: tls, tls: { cert: 'c' } }, 'redis.tls.key'],
    ['a key without certificate', { url: tls, tls: { key: 'k' } }, 'redis.tls.cert'],
    ['TLS files without TLS', { tls: { ca: 'ca' } }, 'rediss://'],
    ['sentinels without a master', { sentinel: { nodes: ['a:1'] } }, 'redis.sentinel.master'],
    ['a master without sentinels', { sentinel: { master: 'm' } }, 'redis.sentinel.nodes'],
    ['a sentinel without port', { sentinel: { ...sentinel, nodes: ['a'] } }, 'redis.sentinel.nodes: "a"'],
    ['a sentinel login without sentinels', { sentinel: { password: 'p' } }, 'redis.sentinel'],
    ['Sentinel and Cluster', { sentinel, cluster: { enabled: true }, stream: '{kv}' }, 'exclude'],
    ['cluster nodes without cluster', { cluster: { nodes: ['a:1'] } }, 'redis.cluster.enabled'],
    ['a database in a cluster', { url: 'redis://r/2', cluster: { enabled: true }, stream: '{kv}' }, 'database 0'],
    ['a key without tag in a cluster', { cluster: { enabled: true } }, '"{kv-events}"'],
  ])('refuses %s and says what to do', (_, overrides, text) => {
    expect(() => redisConfig(overrides)).toThrow(ConfigError);
    expect(() => redisConfig(overrides)).toThrow(text);
  });
});

describe('parseRedisUrl', () => {
  it.each([
    ['redis://localhost', { host: 'localhost', port: 6379, tls: false, database: 0, username: null, password: null }],
    ['rediss://r.example:6380/7', { host: 'r.example', port: 6380, tls: true, database: 7 }],
    ['redis://[fd00::7]:6381/', { host: 'fd00::7', port: 6381, database: 0 }],
    ['redis://me:p%40ss%2Fw%25@r', { username: 'me', password: 'p@ss/w%' }],
    ['redis://:only@r', { username: null, password: 'only' }],
  ])('reads %s', (text, expected) => {
    expect(parseRedisUrl(text)).toMatchObject(expected);
  });

  it.each([
    'localhost:6379',
    'http://r',
    'redis://',
    'redis://r/events',
    'redis://r:99999',
    'redis://r?db=1',
    'redis://:canary%@r',
    'redis://:canary/x@r',
    'redis://:canary#x@r',
  ])('refuses %s without repeating it', (text) => {
    expect(() => parseRedisUrl(text)).toThrow(ConfigError);
    expect(() => parseRedisUrl(text)).not.toThrow(/canary/);
  });
});

describe('parseAddress', () => {
  it.each(['a:1', '10.0.0.7:65535', '[fd00::7]:6379'])('reads %s, and shows it the same way', (text) => {
    expect(showAddress(parseAddress('k', text))).toBe(text);
  });

  it.each(['a', 'a:', ':1', 'a:0', 'a:65536', 'fd00::7:6379', 'u@a:1', 'redis://a:1'])('refuses %s', (text) => {
    expect(() => parseAddress('redis.cluster.nodes', text)).toThrow(/redis\.cluster\.nodes: ".*" must be host:port/);
  });
});
