import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { codeTable } from '../../../src/sinks/kafka/codes.ts';
import { clientErrorTable, judge, sinkErrorOf } from '../../../src/sinks/kafka/errors.ts';

const protocol = createRequire(import.meta.url)('kafkajs/src/protocol/error') as {
  errorCodes: readonly { readonly type: string; readonly code: number }[];
  createErrorFromCode(code: number): Error;
};
const { KafkaJSConnectionError, KafkaJSNonRetriableError } = kafkajs;

/** As kafkajs's retries wrap what made them give up. */
const wrap = (cause: Error) => Object.assign(new KafkaJSNonRetriableError(cause.message), { cause });

describe('an error of kafkajs', () => {
  it.each([...codeTable])('$code $name is $class', ({ code, name, class: expected, remedy }) => {
    const verdict = judge(protocol.createErrorFromCode(code));
    expect(verdict).toMatchObject({ class: expected, code: name });
    if (remedy !== null) expect(verdict.message).toContain(remedy);
  });

  it('has an entry for every code that kafkajs knows', () => {
    const known = new Set(codeTable.map(({ code }) => code));
    const missing = protocol.errorCodes.filter(({ code }) => code !== -99 && !known.has(code));
    expect(missing).toEqual([]);
  });

  it('is transient when Kafka has invented it after this was written', () => {
    expect(judge(protocol.createErrorFromCode(4_711))).toMatchObject({
      class: 'transient',
      code: 'UNKNOWN_ERROR_CODE',
    });
  });

  it.each([
    ['MESSAGE_TOO_LARGE', 'record'],
    ['TOPIC_AUTHORIZATION_FAILED', 'destination'],
    ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'producer'],
    ['INVALID_PRODUCER_EPOCH', 'producer'],
    ['UNKNOWN_PRODUCER_ID', 'producer'],
    ['NOT_LEADER_OR_FOLLOWER', 'transient'],
  ])('is judged as Kafka means it: %s %s', (name, expected) => {
    expect(codeTable.find((entry) => entry.name === name)?.class).toBe(expected);
  });

  it('is judged by its cause, not by what the wrapper claims', () => {
    const refused = new KafkaJSConnectionError('Connection error: connect ECONNREFUSED', {
      broker: 'b',
      code: 'ECONNREFUSED',
    });
    const wrapped = wrap(refused);
    expect(judge(wrapped)).toMatchObject({ class: 'transient', code: 'ECONNREFUSED' });
    const denied = protocol.createErrorFromCode(29);
    const exceeded = wrap(denied);
    expect(judge(exceeded)).toMatchObject({ class: 'destination', code: 'TOPIC_AUTHORIZATION_FAILED' });
  });

  it.each(['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID'])(
    'is for somebody to mend when TLS says %s',
    (code) => {
      const verdict = judge(new KafkaJSConnectionError('Connection error: no', { broker: 'b', code }));
      expect(verdict).toMatchObject({ class: 'destination', code, identity: true });
      expect(verdict.message).toContain('kafka.tls.ca');
    },
  );

  it.each([...clientErrorTable])('$name is $class', ({ name, class: expected }) => {
    const known = (kafkajs as unknown as Record<string, unknown>)[name];
    if (known !== undefined) expect(typeof known).toBe('function');
    const error = Object.assign(new Error('said so'), { name, retriable: true });
    expect(judge(error).class).toBe(expected);
  });

  it('costs the producer when nobody knows it', () => {
    const verdict = judge(new TypeError("Cannot read properties of undefined (reading 'nodeId')"));
    expect(verdict).toMatchObject({ class: 'producer', code: 'CLIENT_ERROR' });
    expect(sinkErrorOf(verdict, 'writing')).toMatchObject({ kind: 'transient', code: 'CLIENT_ERROR' });
  });

  it('stands in the documentation as the code has it', () => {
    const docs = readFileSync(new URL('../../../docs/sinks/kafka.md', import.meta.url), 'utf8');
    const rows = [...docs.matchAll(/^\| (-?\d+) \| `([A-Z_]+)` \| (\w+) \| (.*) \|$/gm)];
    const special = codeTable.filter((entry) => entry.class !== 'transient' || entry.remedy !== null);
    expect(rows.map(([, code, name, kind, remedy]) => [Number(code), name, kind, remedy])).toEqual(
      special.map((entry) => [entry.code, entry.name, entry.class, entry.remedy ?? '']),
    );
    const clients = [...docs.matchAll(/^\| `(KafkaJS\w+)` \| (\w+) \| (.*) \|$/gm)];
    expect(clients.map(([, name, kind, remedy]) => [name, kind, remedy])).toEqual(
      clientErrorTable.map((entry) => [entry.name, entry.class, entry.remedy ?? '']),
    );
  });
});
