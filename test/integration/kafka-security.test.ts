import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SinkError } from '../../src/core/errors.ts';
import { documentsOf, eventBatch, testStream } from '../support/batches.ts';
import { readTopic } from '../support/kafka-reader.ts';
import type { KafkaOverrides } from '../support/kafka-sink.ts';
import { makeKafkaSink } from '../support/kafka-sink.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';
import type { SecurePorts } from '../support/services/kafka-native.ts';
import { kafkaUser } from '../support/services/kafka-native.ts';
import type { Certificates } from '../support/services/tls.ts';
import { makeCertificates } from '../support/services/tls.ts';

// Java's tools and restarts take their time on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

let certificates: Certificates;
let kafka: KafkaService;
let ports: SecurePorts;
let seq = 0;

beforeAll(async () => {
  certificates = await makeCertificates();
  kafka = await startKafka({ secure: certificates });
  ports = kafka.secure as SecurePorts;
  for (const topic of ['secured', 'secured.dead-letter', 'secured.checkpoints', 'forbidden'])
    await kafka.createTopic(topic);
  await allow('secured');
}, 600_000);

afterAll(async () => {
  await kafka?.remove();
  certificates?.remove();
});

/** Lets the SASL user write to topics that begin with this name. */
async function allow(topic: string): Promise<void> {
  const { AclResourceTypes, ResourcePatternTypes, AclOperationTypes, AclPermissionTypes } = kafkajs;
  const admin = new kafkajs.Kafka({ brokers: [...kafka.brokers], logCreator: () => () => {} }).admin();
  await admin.connect();
  await admin.createAcls({
    acl: [AclOperationTypes.WRITE, AclOperationTypes.DESCRIBE, AclOperationTypes.READ].map((operation) => ({
      resourceType: AclResourceTypes.TOPIC,
      resourceName: topic,
      resourcePatternType: ResourcePatternTypes.PREFIXED,
      principal: `User:${kafkaUser.username}`,
      host: '*',
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    })),
  });
  await admin.disconnect();
}

const make = async (overrides: KafkaOverrides) =>
  (
    await makeKafkaSink({
      topic: 'secured',
      deadLetterTopic: 'secured.dead-letter',
      checkpointTopic: 'secured.checkpoints',
      ...overrides,
    })
  ).sink;

async function expectDelivery(overrides: KafkaOverrides): Promise<void> {
  const sink = await make(overrides);
  seq += 1;
  const batch = eventBatch(testStream(), seq, 3);
  try {
    await sink.connect();
    await sink.write([batch]);
  } finally {
    await sink.close();
  }
  expect((await readTopic(kafka.brokers, 'secured')).slice(-3).map(({ value }) => value)).toEqual(documentsOf([batch]));
}

async function refusal(overrides: KafkaOverrides): Promise<SinkError> {
  const sink = await make(overrides);
  try {
    return await sink.connect().then(
      () => expect.unreachable('must be refused'),
      (error: SinkError) => error,
    );
  } finally {
    await sink.close();
  }
}

const at = (port: number) => ({ brokers: [`localhost:${port}`] });
const trusting = () => ({ enabled: true, ca: certificates.ca });
const own = () => ({ ...trusting(), cert: certificates.clientCert, key: certificates.clientKey });

/** A token without signature, as a broker without a key set takes it. */
function token(lifetime = 3_600): string {
  const now = Math.floor(Date.now() / 1_000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: kafkaUser.username, iat: now, exp: now + lifetime })}.`;
}

describe('the Kafka sink at a guarded broker', () => {
  const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
  it.each(mechanisms)('logs in by %s, with and without TLS', async (mechanism) => {
    const sasl = { mechanism, ...kafkaUser };
    await expectDelivery({ ...at(ports.sasl), sasl });
    await expectDelivery({ ...at(ports.saslTls), sasl, tls: trusting() });
  });

  it.each(mechanisms)('says what to check when %s has the wrong password', async (mechanism) => {
    const error = await refusal({
      ...at(ports.sasl),
      sasl: { mechanism, username: kafkaUser.username, password: 'wrong' },
    });
    expect(error.kind).toBe('destination');
    expect(error.message).toMatch(/kafka\.sasl\.password/);
    expect(error.message).not.toContain('wrong');
  });

  it('shows its certificate', () => expectDelivery({ ...at(ports.tls), tls: own() }));

  it('says that the broker is not trusted, or that it wants a certificate', async () => {
    const unknownCa = await refusal({ ...at(ports.tls), tls: { enabled: true } });
    expect(unknownCa).toMatchObject({ kind: 'destination' });
    expect(unknownCa.message).toContain('kafka.tls.ca');
    const other = await refusal({ ...at(ports.tls), tls: { ...own(), serverName: 'elsewhere.example' } });
    expect(other).toMatchObject({ kind: 'destination', code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    const anonymous = await refusal({ ...at(ports.tls), tls: trusting() });
    expect(anonymous).toMatchObject({ kind: 'destination' });
    const missing = await refusal({ ...at(ports.tls), tls: { enabled: true, ca: '/nowhere/ca.pem' } });
    expect(missing.message).toContain('kafka.tls.ca: /nowhere/ca.pem cannot be read');
  });

  it('goes without verification only when told so', () =>
    expectDelivery({ ...at(ports.tls), tls: { ...own(), ca: null, insecureSkipVerify: true } }));

  it('logs in with a token of an OAuth server, which it asks once', async () => {
    const asked: { auth: string | undefined; body: string }[] = [];
    let status = 200;
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      asked.push({ auth: request.headers.authorization, body });
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(status === 200 ? { access_token: token(), expires_in: 3_600 } : { error: 'invalid_client' }),
      );
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    const oauth = { tokenUrl, clientId: 'the bridge', clientSecret: 's&cret', scope: 'kafka write' };
    const overrides = { ...at(ports.sasl), sasl: { mechanism: 'oauthbearer', oauth } } as const;
    try {
      await expectDelivery(overrides);
      const basic = Buffer.from('the%20bridge:s%26cret').toString('base64');
      expect(asked).toEqual([{ auth: `Basic ${basic}`, body: 'grant_type=client_credentials&scope=kafka+write' }]);
      status = 401;
      const error = await refusal(overrides);
      expect(error).toMatchObject({ kind: 'destination', code: 'OAUTH_TOKEN' });
      expect(error.message).toContain('kafka.sasl.oauth.tokenUrl');
      status = 503;
      expect(await refusal(overrides)).toMatchObject({ kind: 'transient', code: 'OAUTH_TOKEN' });
    } finally {
      server.close();
    }
    expect(await refusal(overrides)).toMatchObject({ kind: 'transient', code: 'OAUTH_TOKEN' });
  });

  it('asks the OAuth server for another token when the broker refused the one it has', async () => {
    const tokens = ['refused', token()];
    const server = createServer((_, response) => {
      response.end(JSON.stringify({ access_token: tokens.shift(), expires_in: 3_600 }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    const oauth = { tokenUrl, clientId: 'bridge', clientSecret: 'secret' };
    try {
      const sink = await make({ ...at(ports.sasl), sasl: { mechanism: 'oauthbearer', oauth } });
      await expect(sink.connect()).rejects.toMatchObject({ kind: 'destination' });
      await sink.connect();
      await sink.close();
    } finally {
      server.close();
    }
    expect(tokens).toEqual([]);
  });

  it('logs in with a token from a file, read again after it was bad', async () => {
    const tokenFile = join(certificates.folder, 'token');
    const overrides = { ...at(ports.sasl), sasl: { mechanism: 'oauthbearer', oauth: { tokenFile } } } as const;
    expect((await refusal(overrides)).message).toContain('tokenFile cannot be read');
    writeFileSync(tokenFile, 'no token');
    const sink = await make(overrides);
    await expect(sink.connect()).rejects.toMatchObject({ kind: 'destination' });
    writeFileSync(tokenFile, `${token()}\n`);
    await sink.connect();
    await sink.close();
  });

  it('waits for the right to write, and goes on by itself when it is granted', async () => {
    const sink = await make({ ...at(ports.sasl), topic: 'forbidden', sasl: { mechanism: 'plain', ...kafkaUser } });
    const error = await sink.connect().then(
      () => expect.unreachable('must be refused'),
      (reason: SinkError) => reason,
    );
    expect(error).toMatchObject({ kind: 'destination', code: 'TOPIC_AUTHORIZATION_FAILED' });
    expect(error.message).toContain('"forbidden"');
    expect(error.message).toContain('grant the principal Write and Describe');
    await allow('forbidden');
    const batch = eventBatch(testStream(), 0);
    await expect
      .poll(() =>
        sink.connect().then(
          () => 'connected',
          (reason: SinkError) => reason.code,
        ),
      )
      .toBe('connected');
    await sink.write([batch]);
    expect((await readTopic(kafka.brokers, 'forbidden')).map(({ value }) => value)).toEqual(documentsOf([batch]));
    await sink.close();
  });
});
