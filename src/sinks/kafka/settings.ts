import { ConfigError } from '../../core/errors.ts';
import { deliverySettings, laneSettings } from '../../core/lane-settings.ts';
import type { SettingsValue } from '../../core/settings.ts';

const saslSettings = {
  mechanism: {
    doc: 'How the bridge says who it is; `none` for listeners without SASL.',
    choices: ['none', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'],
    default: 'none',
  },
  username: { doc: 'For plain and scram.', format: 'text', default: '' },
  password: { doc: 'For plain and scram.', format: 'text', default: '', secret: true },
  oauth: {
    tokenFile: {
      doc: 'File with the token for oauthbearer, read again at every login (a projected Kubernetes token, for example).',
      format: 'name',
      default: null,
    },
    tokenUrl: {
      doc: 'Where a token for oauthbearer is fetched (client credentials grant); instead of the file.',
      format: 'name',
      default: null,
      credentials: true,
    },
    clientId: { doc: 'Client id for `tokenUrl`.', format: 'text', default: '' },
    clientSecret: { doc: 'Client secret for `tokenUrl`.', format: 'text', default: '', secret: true },
    scope: { doc: 'Scope to ask `tokenUrl` for.', format: 'name', default: null },
  },
} as const;

const tlsSettings = {
  enabled: { doc: 'Whether the listener speaks TLS.', format: 'flag', default: false },
  ca: {
    doc: 'PEM file of who signed the brokers, instead of the well-known authorities.',
    format: 'name',
    default: null,
  },
  cert: { doc: "PEM file of the bridge's own certificate.", format: 'name', default: null },
  key: { doc: 'PEM file of its key.', format: 'name', default: null },
  serverName: { doc: "Name in the brokers' certificates, where it is not their host.", format: 'name', default: null },
  insecureSkipVerify: { doc: 'Trust any broker: for trials only.', format: 'flag', default: false },
} as const;

export const kafkaSettings = {
  brokers: {
    doc: 'Some brokers of the cluster, `host:port`; the others are found through them.',
    format: 'list',
    default: ['localhost:9092'],
  },
  topic: {
    doc: 'Topic, or a template with literal text before its first `{source}`, `{pod}`, `{model}` or `{rank}`, e.g. `kv-events-{model}`. What Kafka does not allow in a name becomes `_`.',
    format: 'name',
    default: 'kv-events',
  },
  deadLetterTopic: {
    doc: 'Topic for what Kafka can never take, e.g. a record larger than the topic allows.',
    format: 'name',
    default: 'kv-events.dead-letter',
  },
  checkpointTopic: {
    doc: "Topic for how far each stream is delivered, compacted. Bridges may share it: their records carry the bridge's name.",
    format: 'name',
    default: 'kv-events.checkpoints',
  },
  checkpointInterval: {
    doc: 'With `at-least-once`: how often checkpoints are written at most. `exactly-once` writes them with the records.',
    format: 'duration',
    default: 1_000,
    min: 10,
    max: 60_000,
  },
  transactionTimeout: {
    doc: 'With `exactly-once`: when the brokers abort a transaction that was left open; until then consumers of committed records wait behind it.',
    format: 'duration',
    default: 15_000,
    min: 1_000,
    max: 900_000,
  },
  clientId: {
    doc: "Client id in the brokers' logs and quotas; the bridge's name if not set.",
    format: 'name',
    default: null,
  },
  compression: {
    doc: 'Compression of record batches. `zstd` needs Node.js 22.15 or newer.',
    choices: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    default: 'none',
  },
  producer: {
    doc: 'Who encodes record batches: the bridge itself, straight from ready bytes (`direct`), or kafkajs (`kafkajs`), which takes several times the processor time.',
    choices: ['direct', 'kafkajs'],
    default: 'direct',
  },
  createTopics: {
    doc: 'Create the topic, the dead-letter topic and the checkpoint topic where they are missing.',
    format: 'flag',
    default: false,
  },
  partitions: {
    doc: 'Partitions of a topic that is created; the checkpoint topic gets one.',
    format: 'integer',
    default: 6,
    min: 1,
    max: 10_000,
  },
  replicationFactor: {
    doc: 'Copies of a topic that is created; if not set 3, or the number of brokers where there are fewer.',
    format: 'integer',
    default: null,
    min: 1,
    max: 32_767,
  },
  requestTimeout: {
    doc: 'How long one request may stay without an answer before it is sent again.',
    format: 'duration',
    default: 10_000,
    min: 500,
    max: 300_000,
  },
  connectionTimeout: {
    doc: 'How long it may take to connect to one broker.',
    format: 'duration',
    default: 3_000,
    min: 100,
    max: 60_000,
  },
  maxRequestBytes: {
    doc: "Largest record batch for one partition, before compression; the topic's own max.message.bytes, where it may be read, bounds it further.",
    format: 'bytes',
    default: 900_000,
    min: 16_384,
    max: 104_857_600,
  },
  idempotent: {
    doc: 'Let the brokers recognise what is sent again after a lost answer. `false` only where the cluster forbids or lacks it (no IdempotentWrite right before Kafka 2.8): lost answers then leave duplicates.',
    format: 'flag',
    default: true,
  },
  sasl: saslSettings,
  tls: tlsSettings,
  ...deliverySettings,
  ...laneSettings,
  // A request costs as much as hundreds of records do; it is cut into record batches of `maxRequestBytes` at most anyway.
  maxBatchRecords: { ...laneSettings.maxBatchRecords, default: 2_000 },
  maxBatchBytes: { ...laneSettings.maxBatchBytes, default: 1_572_864 },
} as const;

export type KafkaConfig = SettingsValue<typeof kafkaSettings>;

/** Refuses what cannot work together, key by key. `zstd`: this Node.js has it. */
export function checkKafka(config: KafkaConfig, zstd: boolean): void {
  checkBrokers(config.brokers);
  checkSasl(config.sasl);
  checkTls(config.tls);
  if (config.delivery === 'exactly-once' && !config.idempotent) {
    throw new ConfigError(
      'kafka.idempotent: false does not go with kafka.delivery exactly-once, whose transactions need it; set it to true, or delivery to at-least-once',
    );
  }
  if (config.compression === 'zstd' && !zstd) {
    throw new ConfigError(
      'kafka.compression: zstd needs Node.js 22.15 or newer, which this is not; use lz4, snappy or gzip, or a newer Node.js',
    );
  }
}

function checkBrokers(brokers: readonly string[]): void {
  if (brokers.length === 0) throw new ConfigError('kafka.brokers: name at least one broker, e.g. localhost:9092');
  for (const broker of brokers) {
    // kafkajs cuts at the first colon, so an IPv6 address has to come from a name.
    const port = Number(/^[^:[\]\s/]+:(\d{1,5})$/.exec(broker)?.[1] ?? 0);
    if (port < 1 || port > 65_535) {
      throw new ConfigError(`kafka.brokers: "${broker}" is not host:port, e.g. kafka:9092 (IPv6: use a host name)`);
    }
  }
}

function checkSasl({ mechanism, username, password, oauth }: KafkaConfig['sasl']): void {
  const byName = mechanism === 'plain' || mechanism.startsWith('scram');
  if (byName && (username === '' || password === '')) {
    throw new ConfigError(`kafka.sasl: ${mechanism} needs kafka.sasl.username and kafka.sasl.password`);
  }
  if (mechanism === 'none' && (username !== '' || password !== '')) {
    throw new ConfigError(
      'kafka.sasl.mechanism: a username or password is set, but no mechanism that uses it; set plain, scram-sha-256 or scram-sha-512',
    );
  }
  if (mechanism !== 'oauthbearer') return;
  if ((oauth.tokenFile === null) === (oauth.tokenUrl === null)) {
    throw new ConfigError('kafka.sasl.oauth: oauthbearer needs either tokenFile or tokenUrl');
  }
  if (oauth.tokenUrl === null) return;
  if (!/^https?:\/\//.test(oauth.tokenUrl) || !URL.canParse(oauth.tokenUrl)) {
    throw new ConfigError(`kafka.sasl.oauth.tokenUrl: "${oauth.tokenUrl}" is not an http(s) URL`);
  }
  if (oauth.clientId === '' || oauth.clientSecret === '') {
    throw new ConfigError('kafka.sasl.oauth: tokenUrl needs clientId and clientSecret');
  }
}

function checkTls({ enabled, ...rest }: KafkaConfig['tls']): void {
  const set = Object.entries(rest).find(([, value]) => value !== null && value !== false);
  if (!enabled && set !== undefined) {
    throw new ConfigError(`kafka.tls.${set[0]} is set, but kafka.tls.enabled is false: nothing would be encrypted`);
  }
  if ((rest.cert === null) !== (rest.key === null)) {
    throw new ConfigError('kafka.tls: cert and key belong together; set both or neither');
  }
}
