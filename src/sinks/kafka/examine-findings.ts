import type { FindingRow } from '../../core/finding-table.ts';
import { finderOf } from '../../core/finding-table.ts';

/** What doctor can find out about a Kafka cluster. */
export const kafkaFindings = {
  'kafka-reachable': { level: 'ok', means: 'The cluster answers, and takes the login.', remedy: null },
  'kafka-unreachable': {
    level: 'failure',
    means: 'None of kafka.brokers can be reached.',
    remedy: 'is Kafka running, and are kafka.brokers right?',
    cause: 'cannot be reached',
  },
  'kafka-login': {
    level: 'failure',
    means: 'The brokers refuse the login, or ask for another one.',
    remedy: 'check kafka.sasl.mechanism, kafka.sasl.username and kafka.sasl.password',
    cause: 'the login is refused',
  },
  'kafka-tls': {
    level: 'failure',
    means: 'TLS fails.',
    remedy: 'check kafka.tls.ca, kafka.tls.serverName, kafka.tls.cert and kafka.tls.key',
    cause: 'TLS fails',
  },
  'kafka-unusable': {
    level: 'failure',
    means: 'The brokers answer, and the bridge cannot work with them as it is configured.',
    remedy: 'mend what the message names',
    cause: 'cannot be used as configured',
  },
  'kafka-hangs-up': {
    level: 'failure',
    means: 'The brokers end the connection without a word: they want TLS or a login, or are no brokers.',
    remedy: "kafka.tls.enabled and kafka.sasl.mechanism must fit the broker's listener",
    cause: 'the connection ends without a word',
  },
  'kafka-advertised': {
    level: 'failure',
    means: 'A broker tells clients to come to an address (advertised.listeners) that cannot be reached from here.',
    remedy: 'set advertised.listeners of that broker to a name and port that this machine can reach',
    cause: 'an advertised address leads nowhere',
  },
  'kafka-topic': { level: 'ok', means: 'The topic: partitions, copies, retention.', remedy: null },
  'kafka-topic-missing': {
    level: 'failure',
    means: 'The topic does not exist.',
    remedy: 'create it, or set kafka.createTopics to true',
    cause: 'missing',
  },
  'kafka-topic-to-create': {
    level: 'note',
    means: 'The topic does not exist; the bridge creates it (kafka.createTopics).',
    remedy: null,
  },
  'kafka-topic-forbidden': {
    level: 'failure',
    means: 'The principal may not see the topic.',
    remedy: 'grant it Describe and Write on the topic, on the checkpoint topic Read as well',
    cause: 'may not be seen',
  },
  'kafka-topic-unknown': {
    level: 'failure',
    means: 'The topic cannot be looked at.',
    remedy: 'mend what the message names',
    cause: 'cannot be looked at',
  },
  'kafka-template': {
    level: 'note',
    means: 'The topic is a template: which topics it gives shows with the first records.',
    remedy: null,
  },
  'kafka-no-leader': {
    level: 'failure',
    means: 'A partition has no leader: nothing can be written to it.',
    remedy: 'bring the brokers with its copies back',
    cause: 'no leader',
  },
  'kafka-too-few-in-sync': {
    level: 'failure',
    means: 'Fewer copies are in sync than min.insync.replicas asks for: writes are refused.',
    remedy: 'bring brokers back, or lower min.insync.replicas of the topic',
    cause: 'fewer copies in sync than min.insync.replicas',
  },
  'kafka-one-copy': {
    level: 'warning',
    means: 'One copy is enough to confirm a record: the loss of one broker loses confirmed records.',
    remedy: 'give the topic 3 copies, and min.insync.replicas 2',
    cause: 'one copy is enough to confirm a record',
  },
  'kafka-compacted': {
    level: 'failure',
    means: 'The topic is compacted: of all records of a stream, which have one key, only the last would stay.',
    remedy: 'set cleanup.policy of the topic to delete',
    cause: 'compacted, which deletes events',
  },
  'kafka-not-compacted': {
    level: 'failure',
    means: 'The checkpoint topic is not compacted: old checkpoints are deleted, and reading it takes ever longer.',
    remedy: 'set cleanup.policy of the topic to compact',
    cause: 'not compacted',
  },
  'kafka-retention-short': {
    level: 'warning',
    means: 'Records are deleted within an hour, whether or not somebody has read them.',
    remedy: 'raise retention.ms above the longest outage of your consumers',
    cause: 'records are deleted within an hour',
  },
  'kafka-message-bytes': {
    level: 'warning',
    means:
      'The topic takes small record batches only: larger records become dead letters, and dead letters may be refused.',
    remedy: 'raise max.message.bytes of the topic to 1048588, its default',
    cause: 'small messages only',
  },
  'kafka-settings-unread': {
    level: 'skipped',
    means: 'The principal may not read the settings of the topic (DescribeConfigs). The sink does not need that right.',
    remedy: null,
  },
  'kafka-rights': { level: 'ok', means: 'The principal may write to the topic.', remedy: null },
  'kafka-rights-missing': {
    level: 'failure',
    means: 'The principal may not write to the topic, or not use the transactional id.',
    remedy: 'grant the rights listed in docs/sinks/kafka.md',
    cause: 'rights are missing',
  },
  'kafka-rights-unknown': {
    level: 'skipped',
    means: 'Whether the principal may write could not be found out without writing.',
    remedy: null,
  },
  'kafka-transactions': {
    level: 'ok',
    means: 'The principal may use the transactional id of this name.',
    remedy: null,
  },
  'kafka-no-coordinator': {
    level: 'failure',
    means: 'No coordinator answers for the transactional id of this name: exactly-once cannot work.',
    remedy:
      'grant Describe and Write on the transactional id; if they are granted, look whether __transaction_state is healthy',
    cause: 'no coordinator',
  },
  'kafka-checkpoints': { level: 'ok', means: 'The checkpoints of this name that the topic holds.', remedy: null },
  'kafka-checkpoints-unread': {
    level: 'failure',
    means: 'The checkpoint topic cannot be read: the bridge would not know where to go on.',
    remedy: 'grant Read on the checkpoint topic',
    cause: 'cannot be read',
  },
  'kafka-name-held': {
    level: 'note',
    means: 'Who took the name of this bridge last, and whether a lease says that it lives.',
    remedy: null,
  },
  'kafka-name-contested': {
    level: 'warning',
    means: 'Several bridges took this name within the last ten minutes: each ended the one before.',
    remedy: 'give each bridge a name of its own (BRIDGE_NAME), or run the second one with STANDBY=true',
    cause: 'several bridges fight for the name',
  },
} as const satisfies Readonly<Record<string, FindingRow>>;

export const kafkaFinding = finderOf(kafkaFindings);
