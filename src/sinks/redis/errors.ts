import type { SinkErrorKind } from '../../core/errors.ts';
import { codeOf, messageOf } from '../../core/errors.ts';

/** What one kind of error makes the sink do; `docs/sinks/redis.md` has the same table and a test compares them. */
export interface ErrorRow {
  readonly kind: Exclude<SinkErrorKind, 'closed'>;
  /** What a person can do about it. */
  readonly remedy: string;
  /** The connection is of no more use: wrong server, wrong login, or an answer that may still come too late. */
  readonly reconnect?: true;
}

export interface Trouble extends ErrorRow {
  readonly code: string;
  readonly message: string;
}

/** Error replies by their first word. */
export const replyErrors: Readonly<Record<string, ErrorRow>> = {
  ASK: {
    kind: 'transient',
    remedy: 'the slot is moving to another node; goes on when it has arrived',
    reconnect: true,
  },
  BUSY: { kind: 'transient', remedy: 'a script blocks Redis; end it with SCRIPT KILL' },
  CLUSTERDOWN: { kind: 'transient', remedy: 'the cluster misses a node; look at CLUSTER INFO', reconnect: true },
  CROSSSLOT: { kind: 'destination', remedy: 'this is a cluster: set redis.cluster.enabled to true' },
  DENIED: { kind: 'destination', remedy: 'Redis is in protected mode: set a password or protected-mode no' },
  EXECABORT: { kind: 'transient', remedy: 'a proxy or Redis discarded the transaction; look at its log' },
  FENCED: {
    kind: 'fenced',
    remedy: 'this one ends; two bridges that should both write need names of their own',
  },
  LOADING: { kind: 'transient', remedy: 'Redis reads its data from disk; goes on when it is done' },
  MASTERDOWN: {
    kind: 'transient',
    remedy: 'this is a replica that lost its master; wait for the failover',
    reconnect: true,
  },
  MISCONF: { kind: 'destination', remedy: 'Redis cannot write to its disk: free space or look at its log' },
  MOVED: { kind: 'destination', remedy: 'this is a cluster: set redis.cluster.enabled to true', reconnect: true },
  NOAUTH: { kind: 'destination', remedy: 'set redis.username and redis.password', reconnect: true },
  NOPERM: { kind: 'destination', remedy: 'grant the rights listed in docs/sinks/redis.md' },
  NOPROTO: { kind: 'destination', remedy: 'set redis.protocol to 2', reconnect: true },
  NOREPLICAS: { kind: 'transient', remedy: 'fewer replicas than min-replicas-to-write; start them' },
  NOSCRIPT: { kind: 'transient', remedy: 'the script is sent again by itself' },
  NOT_CONNECTED: { kind: 'reopen', remedy: 'the sink connects again by itself' },
  OOM: { kind: 'destination', remedy: 'raise maxmemory, delete keys, or set redis.maxLen or redis.maxAge' },
  READONLY: {
    kind: 'transient',
    remedy: 'this is a replica: connect to the master, or set redis.sentinel',
    reconnect: true,
  },
  STORE_LOST: {
    kind: 'reopen',
    remedy:
      'Redis lost what it had confirmed (no persistence, a failover, deleted keys); what it lacks is written again or recorded as a gap',
  },
  TRYAGAIN: { kind: 'transient', remedy: 'the slot is moving to another node; goes on when it has arrived' },
  UNKILLABLE: { kind: 'transient', remedy: 'a script that has written blocks Redis; wait or restart it' },
  WRONGPASS: { kind: 'destination', remedy: 'check redis.username and redis.password', reconnect: true },
  WRONGTYPE: { kind: 'destination', remedy: 'delete or rename that key, or set another redis.stream' },
};

const closed =
  'Redis closed the connection; does it expect rediss:// in redis.url, or a client certificate in redis.tls?';

interface Phrase extends ErrorRow {
  readonly code: string;
  readonly pattern: RegExp;
}

/** Error replies that only their text tells apart, and what the client library says for itself. */
export const phraseErrors: readonly Phrase[] = [
  {
    code: 'NOPERM',
    pattern: /user executing the script can't|user .* has no permissions/i,
    kind: 'destination',
    remedy: 'grant the rights listed in docs/sinks/redis.md',
  },
  {
    code: 'MAXCLIENTS',
    pattern: /max number of clients/i,
    kind: 'transient',
    remedy: 'raise maxclients or close other clients',
    reconnect: true,
  },
  {
    code: 'NO_CLUSTER',
    pattern: /cluster support disabled/i,
    kind: 'destination',
    remedy: 'set redis.cluster.enabled to false',
    reconnect: true,
  },
  {
    code: 'DATABASE',
    pattern: /DB index is out of range|SELECT is not allowed/i,
    kind: 'destination',
    remedy: 'correct the database number at the end of redis.url',
    reconnect: true,
  },
  {
    code: 'REQUEST_SIZE',
    pattern: /invalid (multi)?bulk length|max request size|request.*too (big|large)/i,
    kind: 'destination',
    remedy: "raise the server's proto-max-bulk-len, or lower redis.maxRecordBytes and redis.maxBatchBytes",
    reconnect: true,
  },
  {
    code: 'UNKNOWN_COMMAND',
    pattern: /unknown command|unsupported command/i,
    kind: 'destination',
    remedy: 'Redis 6.2 or newer with EVAL is needed; behind a proxy try redis.protocol 2',
    reconnect: true,
  },
  {
    code: 'UNKNOWN_MASTER',
    pattern: /All sentinels are unreachable and retry is disabled\.$/,
    kind: 'destination',
    remedy: 'no sentinel knows that name: check redis.sentinel.master',
  },
  {
    code: 'SENTINEL',
    pattern: /All sentinels are unreachable/,
    kind: 'transient',
    remedy: 'no sentinel answers: check redis.sentinel.nodes, its login and its TLS',
  },
  {
    code: 'TIMEOUT',
    pattern: /^Command timed out|^connect ETIMEDOUT|did not open within/,
    kind: 'transient',
    remedy: 'Redis is stopped, overloaded or unreachable; slow ones need a larger redis.commandTimeout',
    reconnect: true,
  },
  {
    code: 'CONNECTION_CLOSED',
    pattern: /^Connection is closed|^Stream isn't writeable|^Command aborted|socket hang up|socket disconnected/i,
    kind: 'transient',
    remedy: closed,
    reconnect: true,
  },
];

const dead = 'is Redis running, and is redis.url right?';
const untrusted = 'set redis.tls.ca to the CA that signed the certificate of the server';

/** System and TLS errors by their `code`. */
export const systemErrors: Readonly<Record<string, ErrorRow>> = {
  ECONNREFUSED: { kind: 'transient', remedy: dead, reconnect: true },
  ECONNRESET: { kind: 'transient', remedy: closed, reconnect: true },
  ECONNABORTED: { kind: 'transient', remedy: closed, reconnect: true },
  EPIPE: { kind: 'transient', remedy: closed, reconnect: true },
  ETIMEDOUT: {
    kind: 'transient',
    remedy:
      'no answer: check address, firewall and network policy, and whether the server speaks TLS if redis.url says so',
    reconnect: true,
  },
  EHOSTUNREACH: { kind: 'transient', remedy: 'no route to that host: check address and network', reconnect: true },
  ENETUNREACH: { kind: 'transient', remedy: 'no route to that network: check address and network', reconnect: true },
  EADDRNOTAVAIL: { kind: 'transient', remedy: 'no local address or port is left', reconnect: true },
  EMFILE: { kind: 'transient', remedy: 'too many open files: raise the limit of this process', reconnect: true },
  ENOTFOUND: { kind: 'transient', remedy: 'DNS does not know that host: check redis.url', reconnect: true },
  EAI_AGAIN: { kind: 'transient', remedy: 'DNS does not answer', reconnect: true },
  EPROTO: {
    kind: 'destination',
    remedy: 'the server speaks no TLS there, or wants a client certificate',
    reconnect: true,
  },
  ENOENT: { kind: 'destination', remedy: 'a file named in redis.tls does not exist' },
  EACCES: { kind: 'destination', remedy: 'a file named in redis.tls may not be read' },
  CERT_HAS_EXPIRED: { kind: 'destination', remedy: 'renew the certificate of the server', reconnect: true },
  CERT_NOT_YET_VALID: { kind: 'destination', remedy: 'check the clocks of both machines', reconnect: true },
  DEPTH_ZERO_SELF_SIGNED_CERT: { kind: 'destination', remedy: untrusted, reconnect: true },
  SELF_SIGNED_CERT_IN_CHAIN: { kind: 'destination', remedy: untrusted, reconnect: true },
  UNABLE_TO_GET_ISSUER_CERT: { kind: 'destination', remedy: untrusted, reconnect: true },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { kind: 'destination', remedy: untrusted, reconnect: true },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { kind: 'destination', remedy: untrusted, reconnect: true },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    kind: 'destination',
    remedy: 'the certificate is for another name: correct redis.url or set redis.tls.serverName',
    reconnect: true,
  },
};

/** Any other TLS or OpenSSL error, whose codes are many. */
export const tlsError: ErrorRow = {
  kind: 'destination',
  remedy: 'TLS failed: check rediss:// and redis.tls, and whether the server wants a client certificate',
  reconnect: true,
};

export const unknownError: ErrorRow = {
  kind: 'transient',
  remedy: 'this error has no row in docs/sinks/redis.md; it is tried again',
  reconnect: true,
};

/** Every error that Redis, the network or the client library can give, as what to do about it. */
export function troubleOf(error: unknown): Trouble {
  const text = textOf(error);
  const [code, row] = find(error, text);
  return { ...row, code, message: `${text} (${row.remedy})` };
}

function find(error: unknown, text: string): readonly [string, ErrorRow] {
  const system = codeOf(error) ?? '';
  const systemRow = own(systemErrors, system);
  if (systemRow !== undefined) return [system, systemRow];
  if (/^ERR_(SSL|TLS|OSSL)/.test(system)) return ['TLS', tlsError];
  const phrase = phraseErrors.find(({ pattern }) => pattern.test(text));
  if (phrase !== undefined) return [phrase.code, phrase];
  const word = replyCode(text);
  const replyRow = own(replyErrors, word);
  return replyRow === undefined ? ['UNKNOWN', unknownError] : [word, replyRow];
}

/** The word that begins a reply; Redis before 7 wraps those of a script: `ERR Error running script (...): -OOM ...`. */
function replyCode(text: string): string {
  return /^ERR Error running script.*: -?([A-Z_]+) /s.exec(text)?.[1] ?? /^-?([A-Z_]+)\b/.exec(text)?.[1] ?? '';
}

function own(table: Readonly<Record<string, ErrorRow>>, key: string): ErrorRow | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** A host with several addresses fails with an AggregateError whose own message is empty. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join(', ');
  return messageOf(error);
}

/** The address that a `MOVED slot host:port` reply names; an empty host means the server that was asked. */
export function movedTo(error: unknown): { readonly host: string | null; readonly port: number } | null {
  const match = /^MOVED \d+ (.*):(\d+)/.exec(messageOf(error));
  return match === null ? null : { host: match[1] || null, port: Number(match[2]) };
}
