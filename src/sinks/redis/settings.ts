import { deliverySettings, laneSettings } from '../../core/lane-settings.ts';
import type { SettingsValue } from '../../core/settings.ts';

export const redisSettings = {
  url: {
    doc: 'Where Redis is: `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS. With Sentinel only scheme, user and database count; in Cluster mode it is one of the nodes.',
    format: 'name',
    default: 'redis://localhost:6379',
    credentials: true,
  },
  username: { doc: 'ACL user; without one the `default` user.', format: 'name', default: null },
  password: { doc: 'Password of the user.', format: 'name', default: null, secret: true },
  stream: {
    doc: 'Key of the stream, or a template with a literal prefix and `{source}`, `{pod}`, `{model}`, `{rank}`, e.g. `kv-events:{model}`.',
    format: 'name',
    default: 'kv-events',
  },
  field: { doc: 'Field of a stream entry that holds the record.', format: 'name', default: 'record' },
  maxLen: {
    doc: 'Keep about this many of the newest entries per stream (`MAXLEN ~`). Trimming removes entries whether or not somebody has read them.',
    format: 'integer',
    default: null,
    min: 1,
  },
  maxAge: {
    doc: 'Keep entries for about this long (`MINID ~`, Redis 6.2). With `maxLen` both apply. Trimming happens with the writes to a stream.',
    format: 'duration',
    default: null,
    min: 1_000,
  },
  deadLetter: {
    doc: 'Stream for records that can never be written; `maxLen` and `maxAge` apply to it, too. Default: the literal prefix of `stream` with `:dead-letter`.',
    format: 'name',
    default: null,
  },
  maxRecordBytes: {
    doc: 'Larger records become dead letters. Redis itself refuses values above its `proto-max-bulk-len` (512 MiB).',
    format: 'bytes',
    default: 33_554_432,
    min: 1_024,
    max: 536_870_911,
  },
  protocol: {
    doc: 'RESP version: 3 falls back to 2 by itself; 2 is for proxies that do not know HELLO.',
    format: 'integer',
    default: 3,
    min: 2,
    max: 3,
  },
  commandTimeout: {
    doc: 'How long an answer may take. A write that timed out may still be executed: with `at-least-once` its records then stand there twice.',
    format: 'duration',
    default: 5_000,
    min: 100,
    max: 3_600_000,
  },
  connectTimeout: {
    doc: 'How long one connection may take to open.',
    format: 'duration',
    default: 5_000,
    min: 100,
    max: 3_600_000,
  },
  tls: {
    ca: {
      doc: 'PEM file of the CA that signed the server; default: the CAs of Node.js.',
      format: 'name',
      default: null,
    },
    cert: { doc: 'PEM file of the client certificate; together with `key`.', format: 'name', default: null },
    key: { doc: 'PEM file of its private key.', format: 'name', default: null },
    serverName: { doc: 'Name expected in the certificate, where it is not the host.', format: 'name', default: null },
    insecureSkipVerify: {
      doc: 'Accept any server certificate. Whoever stands in between can then read and change everything.',
      format: 'flag',
      default: false,
    },
  },
  sentinel: {
    nodes: { doc: '`host:port` of each sentinel; given, the master is asked from them.', format: 'list', default: [] },
    master: { doc: 'Name under which the sentinels know the master.', format: 'name', default: null },
    username: { doc: 'ACL user of the sentinels themselves.', format: 'name', default: null },
    password: { doc: 'Password of the sentinels themselves.', format: 'name', default: null, secret: true },
    tls: { doc: 'Whether the sentinels speak TLS; the files of `tls` are used.', format: 'flag', default: false },
  },
  cluster: {
    enabled: {
      doc: 'Redis Cluster: the key needs a literal `{tag}` before any placeholder, so that one node owns all of it.',
      format: 'flag',
      default: false,
    },
    nodes: { doc: '`host:port` of further nodes, for when that of `url` is away.', format: 'list', default: [] },
  },
  ...deliverySettings,
  ...laneSettings,
} as const;

export type RedisConfig = SettingsValue<typeof redisSettings>;
