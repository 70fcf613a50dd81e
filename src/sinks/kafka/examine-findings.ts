import type { FindingRow } from '../../core/finding-table.ts';
import { finderOf } from '../../core/finding-table.ts';

/** What doctor can find out about a Kafka cluster. */
export const kafkaFindings = {
  'kafka-reachable': { level: 'ok', means: 'The cluster answers, and takes the login.', remedy: null },
  'kafka-unreachable': {
    level: 'failure',
    means: 'None of kafka.brokers can be reached.',
    remedy: 'is Kafka running, and are kafka.brokers right?',
  },
  'kafka-login': {
    level: 'failure',
    means: 'The brokers refuse the login, or ask for another one.',
    remedy: 'check kafka.sasl.mechanism, kafka.sasl.username and kafka.sasl.password',
  },
  'kafka-tls': {
    level: 'failure',
    means: 'TLS fails.',
    remedy: 'check kafka.tls.ca, kafka.tls.serverName, kafka.tls.cert and kafka.tls.key',
  },
  'kafka-unusable': {
    level: 'failure',
    means: 'The brokers answer, and the bridge cannot work with them as it is configured.',
    remedy: 'mend what the message names',
  },
  'kafka-hangs-up': {
    level: 'failure',
    means: 'The brokers end the connection without a word: they want TLS or a login, or are no brokers.',
    remedy: "kafka.tls.enabled and kafka.sasl.mechanism must fit the broker's listener",
  },
  'kafka-advertised': {
    level: 'failure',
    means: 'A broker tells clients to come to an address (advertised.listeners) that cannot be reached from here.',
    remedy: 'set advertised.listeners of that broker to a name and port that this machine can reach',
  },
  'kafka-topic': { level: 'ok', means: 'The topic: partitions, copies, retention.', remedy: null },
  'kafka-topic-missing': {
    level: 'failure',
    means: 'The topic does not exist.',
    remedy: 'create it, or set kafka.createTopics to true',
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
  },
  'kafka-topic-unknown': {
    level: 'failure',
    means: 'The topic cannot be looked at.',
    remedy: 'mend what the message names',
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
  },
  'kafka-too-few-in-sync': {
    level: 'failure',
    means: 'Fewer copies are in sync than min.insync.replicas asks for: writes are refused.',
    remedy: 'bring brokers back, or lower min.insync.replicas of the topic',
  },
  'kafka-one-copy': {
    level: 'warning',
    means: 'One copy is enough to confirm a record: the loss of one broker loses confirmed records.',
    remedy: 'give the topic 3 copies, and min.insync.replicas 2',
  },
  'kafka-compacted': {
    level: 'failure',
    means: 'The topic is compacted: of all records of a stream, which have one key, only the last would stay.',
    remedy: 'set cleanup.policy of the topic to delete',
  },
  'kafka-not-compacted': {
    level: 'failure',
    means: 'The checkpoint topic is not compacted: old checkpoints are deleted, and reading it takes ever longer.',
    remedy: 'set cleanup.policy of the topic to compact',
  },
  'kafka-retention-short': {
    level: 'warning',
    means: 'Records are deleted within an hour, whether or not somebody has read them.',
    remedy: 'raise retention.ms above the longest outage of your consumers',
  },
  'kafka-message-bytes': {
    level: 'warning',
    means:
      'The topic takes small record batches only: larger records become dead letters, and dead letters may be refused.',
    remedy: 'raise max.message.bytes of the topic to 1048588, its default',
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
  },
  'kafka-checkpoints': { level: 'ok', means: 'The checkpoints of this name that the topic holds.', remedy: null },
  'kafka-checkpoints-unread': {
    level: 'failure',
    means: 'The checkpoint topic cannot be read: the bridge would not know where to go on.',
    remedy: 'grant Read on the checkpoint topic',
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
  },
} as const satisfies Readonly<Record<string, FindingRow>>;

export const kafkaFinding = finderOf(kafkaFindings);
