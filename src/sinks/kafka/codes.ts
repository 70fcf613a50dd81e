/**
 * The protocol's error names, 0 upwards as Apache Kafka 4.3 numbers them (`org.apache.kafka.common.protocol.Errors`).
 * kafkajs knows those below 88; newer ones reach us as a bare number.
 */
const namesByCode: readonly string[] = `
NONE OFFSET_OUT_OF_RANGE CORRUPT_MESSAGE UNKNOWN_TOPIC_OR_PARTITION INVALID_FETCH_SIZE LEADER_NOT_AVAILABLE
NOT_LEADER_OR_FOLLOWER REQUEST_TIMED_OUT BROKER_NOT_AVAILABLE REPLICA_NOT_AVAILABLE MESSAGE_TOO_LARGE
STALE_CONTROLLER_EPOCH OFFSET_METADATA_TOO_LARGE NETWORK_EXCEPTION COORDINATOR_LOAD_IN_PROGRESS
COORDINATOR_NOT_AVAILABLE NOT_COORDINATOR INVALID_TOPIC_EXCEPTION RECORD_LIST_TOO_LARGE NOT_ENOUGH_REPLICAS
NOT_ENOUGH_REPLICAS_AFTER_APPEND INVALID_REQUIRED_ACKS ILLEGAL_GENERATION INCONSISTENT_GROUP_PROTOCOL
INVALID_GROUP_ID UNKNOWN_MEMBER_ID INVALID_SESSION_TIMEOUT REBALANCE_IN_PROGRESS INVALID_COMMIT_OFFSET_SIZE
TOPIC_AUTHORIZATION_FAILED GROUP_AUTHORIZATION_FAILED CLUSTER_AUTHORIZATION_FAILED INVALID_TIMESTAMP
UNSUPPORTED_SASL_MECHANISM ILLEGAL_SASL_STATE UNSUPPORTED_VERSION TOPIC_ALREADY_EXISTS INVALID_PARTITIONS
INVALID_REPLICATION_FACTOR INVALID_REPLICA_ASSIGNMENT INVALID_CONFIG NOT_CONTROLLER INVALID_REQUEST
UNSUPPORTED_FOR_MESSAGE_FORMAT POLICY_VIOLATION OUT_OF_ORDER_SEQUENCE_NUMBER DUPLICATE_SEQUENCE_NUMBER
INVALID_PRODUCER_EPOCH INVALID_TXN_STATE INVALID_PRODUCER_ID_MAPPING INVALID_TRANSACTION_TIMEOUT
CONCURRENT_TRANSACTIONS TRANSACTION_COORDINATOR_FENCED TRANSACTIONAL_ID_AUTHORIZATION_FAILED SECURITY_DISABLED
OPERATION_NOT_ATTEMPTED KAFKA_STORAGE_ERROR LOG_DIR_NOT_FOUND SASL_AUTHENTICATION_FAILED UNKNOWN_PRODUCER_ID
REASSIGNMENT_IN_PROGRESS DELEGATION_TOKEN_AUTH_DISABLED DELEGATION_TOKEN_NOT_FOUND
DELEGATION_TOKEN_OWNER_MISMATCH DELEGATION_TOKEN_REQUEST_NOT_ALLOWED DELEGATION_TOKEN_AUTHORIZATION_FAILED
DELEGATION_TOKEN_EXPIRED INVALID_PRINCIPAL_TYPE NON_EMPTY_GROUP GROUP_ID_NOT_FOUND FETCH_SESSION_ID_NOT_FOUND
INVALID_FETCH_SESSION_EPOCH LISTENER_NOT_FOUND TOPIC_DELETION_DISABLED FENCED_LEADER_EPOCH UNKNOWN_LEADER_EPOCH
UNSUPPORTED_COMPRESSION_TYPE STALE_BROKER_EPOCH OFFSET_NOT_AVAILABLE MEMBER_ID_REQUIRED
PREFERRED_LEADER_NOT_AVAILABLE GROUP_MAX_SIZE_REACHED FENCED_INSTANCE_ID ELIGIBLE_LEADERS_NOT_AVAILABLE
ELECTION_NOT_NEEDED NO_REASSIGNMENT_IN_PROGRESS GROUP_SUBSCRIBED_TO_TOPIC INVALID_RECORD UNSTABLE_OFFSET_COMMIT
THROTTLING_QUOTA_EXCEEDED PRODUCER_FENCED RESOURCE_NOT_FOUND DUPLICATE_RESOURCE UNACCEPTABLE_CREDENTIAL
INCONSISTENT_VOTER_SET INVALID_UPDATE_VERSION FEATURE_UPDATE_FAILED PRINCIPAL_DESERIALIZATION_FAILURE
SNAPSHOT_NOT_FOUND POSITION_OUT_OF_RANGE UNKNOWN_TOPIC_ID DUPLICATE_BROKER_REGISTRATION BROKER_ID_NOT_REGISTERED
INCONSISTENT_TOPIC_ID INCONSISTENT_CLUSTER_ID TRANSACTIONAL_ID_NOT_FOUND FETCH_SESSION_TOPIC_ID_ERROR
INELIGIBLE_REPLICA NEW_LEADER_ELECTED OFFSET_MOVED_TO_TIERED_STORAGE FENCED_MEMBER_EPOCH UNRELEASED_INSTANCE_ID
UNSUPPORTED_ASSIGNOR STALE_MEMBER_EPOCH MISMATCHED_ENDPOINT_TYPE UNSUPPORTED_ENDPOINT_TYPE UNKNOWN_CONTROLLER_ID
UNKNOWN_SUBSCRIPTION_ID TELEMETRY_TOO_LARGE INVALID_REGISTRATION TRANSACTION_ABORTABLE INVALID_RECORD_STATE
SHARE_SESSION_NOT_FOUND INVALID_SHARE_SESSION_EPOCH FENCED_STATE_EPOCH INVALID_VOTER_KEY DUPLICATE_VOTER
VOTER_NOT_FOUND INVALID_REGULAR_EXPRESSION REBOOTSTRAP_REQUIRED STREAMS_INVALID_TOPOLOGY
STREAMS_INVALID_TOPOLOGY_EPOCH STREAMS_TOPOLOGY_FENCED SHARE_SESSION_LIMIT_REACHED
`
  .trim()
  .split(/\s+/);

/**
 * - `transient`: time alone may heal it;
 * - `destination`: somebody has to mend the cluster or the settings;
 * - `record`: these records will never be taken;
 * - `producer`: the producer is spent, a new one may go on.
 */
export type ErrorClass = 'transient' | 'destination' | 'record' | 'producer';

export interface CodeEntry {
  readonly code: number;
  readonly name: string;
  readonly class: ErrorClass;
  /** What people can do about it; null where waiting is all there is to do. */
  readonly remedy: string | null;
}

type Special = readonly [ErrorClass, string | null];

const report = 'this is a defect of the bridge or of its client library: report it with this line';

/** Every code where waiting is not all there is to do. */
const specials: Readonly<Record<string, Special>> = {
  UNKNOWN_TOPIC_OR_PARTITION: ['destination', 'create the topic, or set kafka.createTopics to true'],
  UNKNOWN_TOPIC_ID: ['destination', 'create the topic, or set kafka.createTopics to true'],
  MESSAGE_TOO_LARGE: ['record', null],
  RECORD_LIST_TOO_LARGE: ['record', null],
  INVALID_RECORD: ['record', null],
  INVALID_TOPIC_EXCEPTION: [
    'destination',
    'choose another kafka.topic: Kafka refuses this name, or one that differs only in "." and "_" exists',
  ],
  NOT_ENOUGH_REPLICAS: ['transient', "bring brokers back, or lower the topic's min.insync.replicas"],
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: ['transient', "bring brokers back, or lower the topic's min.insync.replicas"],
  INVALID_REQUIRED_ACKS: ['destination', report],
  TOPIC_AUTHORIZATION_FAILED: [
    'destination',
    'grant the principal Write and Describe on the topic, on the checkpoint topic Read as well (and Create, with kafka.createTopics)',
  ],
  GROUP_AUTHORIZATION_FAILED: ['destination', report],
  CLUSTER_AUTHORIZATION_FAILED: [
    'destination',
    'grant the principal Write on the topic (before Kafka 2.8 IdempotentWrite on the cluster as well, or set kafka.idempotent to false); kafka.createTopics needs Create on the cluster or the topic',
  ],
  INVALID_TIMESTAMP: [
    'destination',
    "set the clocks of bridge and brokers right, or widen the topic's message.timestamp.after.max.ms and message.timestamp.before.max.ms",
  ],
  UNSUPPORTED_SASL_MECHANISM: ['destination', "set kafka.sasl.mechanism to one of the broker listener's mechanisms"],
  ILLEGAL_SASL_STATE: [
    'destination',
    'set kafka.sasl.mechanism: this listener asks for SASL, or for another mechanism',
  ],
  SASL_AUTHENTICATION_FAILED: ['destination', 'check kafka.sasl.username, kafka.sasl.password or the token'],
  UNSUPPORTED_VERSION: ['destination', 'the bridge speaks to Kafka 0.11 to 4.x; check what answers at kafka.brokers'],
  INVALID_PARTITIONS: ['destination', 'correct kafka.partitions'],
  INVALID_REPLICATION_FACTOR: ['destination', 'set kafka.replicationFactor to at most the number of brokers'],
  INVALID_REPLICA_ASSIGNMENT: ['destination', 'correct kafka.replicationFactor'],
  INVALID_CONFIG: ['destination', "correct the topic's configuration"],
  INVALID_REQUEST: ['destination', report],
  UNSUPPORTED_FOR_MESSAGE_FORMAT: ['destination', "raise the topic's message.format.version to 0.11 or newer"],
  POLICY_VIOLATION: ['destination', "the cluster's policy forbids it: create the topic as the policy wants it"],
  INVALID_TRANSACTION_TIMEOUT: [
    'destination',
    "lower kafka.transactionTimeout to at most the brokers' transaction.max.timeout.ms",
  ],
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: [
    'destination',
    'grant the principal Write and Describe on the transactional id "kv-event-bridge." + name, or set kafka.delivery to at-least-once',
  ],
  SECURITY_DISABLED: ['destination', 'the broker has security switched off: correct the settings of kafka.sasl'],
  UNSUPPORTED_COMPRESSION_TYPE: ['destination', 'choose another kafka.compression'],
  LOG_DIR_NOT_FOUND: ['destination', "look at the broker's disks"],
  DELEGATION_TOKEN_AUTH_DISABLED: ['destination', 'choose another kafka.sasl.mechanism'],
  DELEGATION_TOKEN_NOT_FOUND: ['destination', 'renew the token'],
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: ['destination', 'renew the token'],
  DELEGATION_TOKEN_EXPIRED: ['destination', 'renew the token'],
  OUT_OF_ORDER_SEQUENCE_NUMBER: ['producer', null],
  DUPLICATE_SEQUENCE_NUMBER: ['producer', null],
  INVALID_PRODUCER_EPOCH: ['producer', null],
  INVALID_PRODUCER_ID_MAPPING: ['producer', null],
  INVALID_TXN_STATE: ['producer', null],
  UNKNOWN_PRODUCER_ID: ['producer', null],
  PRODUCER_FENCED: ['producer', null],
  TRANSACTION_ABORTABLE: ['producer', null],
};

function entryOf(code: number, name: string): CodeEntry {
  const [kind, remedy] = specials[name] ?? ['transient', null];
  return { code, name, class: kind, remedy };
}

/** Every error code of the protocol with what the bridge makes of it; `NONE` is no error and not in it. */
export const codeTable: readonly CodeEntry[] = [
  entryOf(-1, 'UNKNOWN_SERVER_ERROR'),
  ...namesByCode.slice(1).map((name, index) => entryOf(index + 1, name)),
];

const unknown: CodeEntry = { code: -99, name: 'UNKNOWN_ERROR_CODE', class: 'transient', remedy: null };

/** The entry of a code; one that no Kafka of today has is transient. */
export function entryOfCode(code: number): CodeEntry {
  return codeTable.find((entry) => entry.code === code) ?? unknown;
}
