import { messageOf, SinkError } from '../../core/errors.ts';
import type { ErrorClass } from './codes.ts';
import { entryOfCode } from './codes.ts';

/** What an error of kafkajs means to the bridge. */
export interface Verdict {
  readonly class: ErrorClass;
  /** From a bounded set: a protocol error's name, a system or TLS code, or a name of kafkajs. */
  readonly code: string;
  readonly message: string;
  /** The connection was refused for who we are: credentials and certificates must be read afresh before the next try. */
  readonly identity: boolean;
  readonly cause: unknown;
}

export interface ClientErrorEntry {
  /** `name` of the error class. */
  readonly name: string;
  readonly class: ErrorClass;
  readonly remedy: string | null;
}

/** kafkajs's own errors, those without a protocol code. Whatever is not here is `producer`: it might be a broken state. */
export const clientErrorTable: readonly ClientErrorEntry[] = [
  {
    name: 'KafkaJSSASLAuthenticationError',
    class: 'destination',
    remedy: 'check kafka.sasl.mechanism, kafka.sasl.username, kafka.sasl.password or the token',
  },
  {
    name: 'KafkaJSServerDoesNotSupportApiKey',
    class: 'destination',
    remedy: 'the bridge needs Kafka 0.11 or newer; where only idempotence is missing, set kafka.idempotent to false',
  },
  {
    name: 'KafkaJSConnectionClosedError',
    class: 'transient',
    remedy: "if it never worked: kafka.tls.enabled and kafka.sasl.mechanism must fit the broker's listener",
  },
  { name: 'KafkaJSConnectionError', class: 'transient', remedy: 'check kafka.brokers and the network if this stays' },
  { name: 'KafkaJSRequestTimeoutError', class: 'transient', remedy: null },
  { name: 'KafkaJSLockTimeout', class: 'transient', remedy: null },
  { name: 'KafkaJSTimeout', class: 'transient', remedy: null },
  { name: 'KafkaJSBrokerNotFound', class: 'transient', remedy: null },
  { name: 'KafkaJSNoBrokerAvailableError', class: 'transient', remedy: null },
  { name: 'KafkaJSMetadataNotLoaded', class: 'transient', remedy: null },
  { name: 'KafkaJSTopicMetadataNotLoaded', class: 'transient', remedy: null },
  { name: 'KafkaJSStaleTopicMetadataAssignment', class: 'transient', remedy: null },
  {
    name: 'KafkaJSGroupCoordinatorNotFound',
    class: 'transient',
    // kafkajs swallows the broker's answer, which would say whether a right is missing.
    remedy:
      'if this stays with exactly-once: grant the principal Write and Describe on the transactional id "kv-event-bridge." + name',
  },
  { name: 'KafkaJSNumberOfRetriesExceeded', class: 'transient', remedy: null },
];

const tlsCode =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_|INVALID_CA|EPROTO$)/;
const tlsRemedy =
  'check kafka.tls.ca (who signed the broker), kafka.tls.serverName (its name in the certificate), kafka.tls.cert and kafka.tls.key (who we are)';

interface AnyError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly type?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** Judges anything that kafkajs throws: its wrappers hide the reason as a cause, and call what may pass "non-retriable". */
export function judge(error: unknown): Verdict {
  const chain = causesOf(error);
  const known = chain.find((one) => one instanceof SinkError);
  if (known !== undefined) return ofSinkError(known);
  return protocolVerdict(chain) ?? tlsVerdict(chain) ?? clientVerdict(chain) ?? spent(error);
}

/** The error a lane understands; `about` says what was tried. */
export function sinkErrorOf(verdict: Verdict, about: string): SinkError {
  return new SinkError({
    kind: verdict.class === 'destination' ? 'destination' : 'transient',
    code: verdict.code,
    message: `${about}: ${verdict.message}`,
    cause: verdict.cause,
  });
}

function causesOf(error: unknown): AnyError[] {
  const chain: AnyError[] = [];
  let next = error as AnyError | null | undefined;
  while (typeof next === 'object' && next !== null && chain.length < 10) {
    chain.push(next);
    next = (Array.isArray(next.errors) ? next.errors[0] : next.cause) as AnyError | undefined;
  }
  return chain;
}

function ofSinkError(error: SinkError): Verdict {
  const { kind, code, message } = error;
  return {
    class: kind === 'destination' ? 'destination' : 'transient',
    code,
    message,
    identity: kind === 'destination',
    cause: error,
  };
}

function protocolVerdict(chain: readonly AnyError[]): Verdict | null {
  const error = chain.find((one) => typeof one.type === 'string' && typeof one.code === 'number');
  if (error === undefined) return null;
  const message = messageOf(error);
  // kafkajs replaces codes it does not know by one of its own and keeps the number in the text only.
  const newer = /^Unknown error code (-?\d+)$/.exec(message)?.[1];
  const entry = entryOfCode(newer === undefined ? Number(error.code) : Number(newer));
  const identity = entry.name.includes('SASL') || entry.name.startsWith('DELEGATION_');
  return { ...entry, code: entry.name, message: withRemedy(message, entry.remedy), identity, cause: error };
}

function tlsVerdict(chain: readonly AnyError[]): Verdict | null {
  const error = chain.find((one) => typeof one.code === 'string' && tlsCode.test(one.code));
  if (error === undefined) return null;
  const message = withRemedy(messageOf(error), tlsRemedy);
  return { class: 'destination', code: String(error.code), message, identity: true, cause: error };
}

function clientVerdict(chain: readonly AnyError[]): Verdict | null {
  // The innermost says most: the wrappers around it only count retries.
  for (const error of chain.toReversed()) {
    const entry = clientErrorTable.find(({ name }) => name === error.name);
    if (entry === undefined) continue;
    const code = typeof error.code === 'string' ? error.code : entry.name;
    const message = withRemedy(messageOf(error), entry.remedy);
    return { class: entry.class, code, message, identity: entry.class === 'destination', cause: error };
  }
  return null;
}

function spent(error: unknown): Verdict {
  return { class: 'producer', code: 'CLIENT_ERROR', message: messageOf(error), identity: false, cause: error };
}

function withRemedy(message: string, remedy: string | null): string {
  return remedy === null ? message : `${message.replace(/\.$/, '')}; ${remedy}`;
}
