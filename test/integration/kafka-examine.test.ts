import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Finding } from '../../src/core/finding.ts';
import type { Sink } from '../../src/core/sink.ts';
import { kafkaSink } from '../../src/sinks/kafka.ts';
import { runDoctor } from '../doctor/support.ts';
import { eventBatch, testStream } from '../support/batches.ts';
import { codesOf, findingsFrom, the } from '../support/findings.ts';
import { readTopic } from '../support/kafka-reader.ts';
import type { KafkaOverrides } from '../support/kafka-sink.ts';
import { kafkaConfig, makeKafkaSink } from '../support/kafka-sink.ts';
import { freePorts } from '../support/ports.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';
import { kafkaUser } from '../support/services/kafka-native.ts';
import type { Certificates } from '../support/services/tls.ts';
import { makeCertificates } from '../support/services/tls.ts';

// Java's tools and restarts take their time on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const compact = { 'cleanup.policy': 'compact' };
const sinks: Sink[] = [];
let certificates: Certificates;
let kafka: KafkaService;

beforeAll(async () => {
  certificates = await makeCertificates();
  kafka = await startKafka({ secure: certificates });
  for (const topic of ['kv-events', 'kv-events.dead-letter', 'swept', 'forbidden']) await kafka.createTopic(topic);
  await kafka.createTopic('kv-events.checkpoints', 1, compact);
  await kafka.createTopic('pressed', 1, compact);
  await kafka.createTopic('brief', 2, { 'retention.ms': '60000', 'max.message.bytes': '20000' });
  await kafka.createTopic('guarded', 1, { 'min.insync.replicas': '2' });
}, 600_000);

afterAll(async () => {
  for (const sink of sinks) await sink.close();
  await kafka?.remove();
  certificates?.remove();
});

async function examine(overrides: KafkaOverrides = {}, bridge = 'test-bridge'): Promise<readonly Finding[]> {
  const about = { bridge, timeout: 10_000, signal: new AbortController().signal };
  const config = kafkaConfig({ brokers: [...kafka.brokers], ...overrides });
  return findingsFrom(kafkaSink.examine?.(config, about) as AsyncIterable<Finding>);
}

async function connected(overrides: KafkaOverrides, bridge: string): Promise<Sink> {
  const { sink } = await makeKafkaSink({ brokers: [...kafka.brokers], ...overrides }, bridge);
  sinks.push(sink);
  await sink.connect();
  return sink;
}

describe('doctor on Kafka', () => {
  it('all as it should be, with one broker', async () => {
    const findings = await examine();
    expect(codesOf(findings)).toEqual([
      'kafka-reachable',
      ...['kafka-topic', 'kafka-one-copy', 'kafka-topic', 'kafka-one-copy', 'kafka-topic', 'kafka-one-copy'],
      ...['kafka-rights', 'kafka-rights', 'kafka-rights'],
      'kafka-checkpoints',
    ]);
    expect(findings[0]?.facts).toEqual({ brokers: [`127.0.0.1:${kafka.port}`] });
    expect(findings[1]?.facts).toMatchObject({ partitions: 1, copies: 1, 'cleanup.policy': 'delete' });
  });

  it('writes nothing and takes no name', async () => {
    const sink = await connected({ delivery: 'exactly-once' }, 'lives');
    await sink.write([eventBatch(testStream(), 0)]);
    const topics = ['kv-events', 'kv-events.dead-letter', 'kv-events.checkpoints'];
    const records = () => Promise.all(topics.map((topic) => readTopic(kafka.brokers, topic)));
    const before = await records();
    const findings = await examine({ delivery: 'exactly-once' }, 'lives');
    expect(codesOf(findings, 'failure')).toEqual([]);
    expect(codesOf(findings)).toContain('kafka-transactions');
    expect(await records()).toEqual(before);
    await sink.write([eventBatch(testStream(), 1)]);
  });

  it('who holds the name; several that fought for it', async () => {
    const first = await connected({ delivery: 'exactly-once' }, 'fought');
    await first.lease?.renew(60_000);
    const findings = await examine({}, 'fought');
    expect(the('kafka-name-held', findings)).toMatchObject({ facts: { held: true, lease_of_holder: true } });
    expect(codesOf(findings)).not.toContain('kafka-name-contested');
    await connected({ delivery: 'exactly-once' }, 'fought');
    await connected({ delivery: 'exactly-once' }, 'fought');
    expect(the('kafka-name-contested', await examine({}, 'fought')).facts).toEqual({ instances: 3 });
  });

  it('topics that are missing, with the command that makes each', async () => {
    const overrides = { topic: 'nowhere', checkpointTopic: 'nowhere.checkpoints' };
    const missing = (await examine(overrides)).filter(({ code }) => code === 'kafka-topic-missing');
    expect(missing.map(({ subject }) => subject)).toEqual(['topic nowhere', 'topic nowhere.checkpoints']);
    expect(missing[1]?.remedy).toContain(
      `kafka-topics.sh --bootstrap-server ${kafka.brokers[0]} --create --topic nowhere.checkpoints --partitions 1`,
    );
    expect(missing[1]?.remedy).toContain('cleanup.policy=compact');
    const created = await examine({ ...overrides, createTopics: true });
    expect(codesOf(created, 'failure')).toEqual([]);
    expect(codesOf(created).filter((code) => code === 'kafka-topic-to-create')).toHaveLength(2);
    expect(codesOf(await examine(overrides))).toContain('kafka-topic-missing');
  });

  it('a checkpoint topic that is not compacted, and events that are', async () => {
    const findings = await examine({ checkpointTopic: 'swept', topic: 'pressed' });
    expect(the('kafka-not-compacted', findings)).toMatchObject({ level: 'failure', subject: 'topic swept' });
    expect(the('kafka-compacted', findings)).toMatchObject({ level: 'failure', subject: 'topic pressed' });
  });

  it('a short retention, small messages, too few copies in sync', async () => {
    const brief = await examine({ topic: 'brief' });
    expect(the('kafka-retention-short', brief).facts).toEqual({ retention_ms: 60_000 });
    expect(the('kafka-message-bytes', brief).facts).toEqual({ max_message_bytes: 20_000 });
    expect(the('kafka-too-few-in-sync', await examine({ topic: 'guarded' })).facts).toMatchObject({
      min_insync_replicas: 2,
      in_sync: 1,
    });
  });

  it('a template', async () => {
    expect(codesOf(await examine({ topic: 'kv-{model}' }))).toContain('kafka-template');
  });
});

describe('doctor on a guarded Kafka', () => {
  const login = () => ({
    brokers: [`localhost:${kafka.secure?.sasl}`],
    sasl: { mechanism: 'plain' as const, ...kafkaUser },
  });

  it('a wrong password, which is not printed', async () => {
    const findings = await examine({ ...login(), sasl: { ...login().sasl, password: 'wr0ng-one' } });
    expect(codesOf(findings)).toEqual(['kafka-login']);
    expect(JSON.stringify(findings)).not.toContain('wr0ng-one');
  });

  it('a wrong password, through the whole program: neither text nor --json has it', async () => {
    const env = {
      ...{ SINKS: 'kafka', KAFKA_BROKERS: `localhost:${kafka.secure?.sasl}`, KAFKA_SASL_MECHANISM: 'plain' },
      ...{ KAFKA_SASL_USERNAME: kafkaUser.username, KAFKA_SASL_PASSWORD: 'wr0ng-one' },
    };
    const [text, json] = [
      await runDoctor(['--only', 'sinks'], env),
      await runDoctor(['--only', 'sinks', '--json'], env),
    ];
    expect(text.stdout).toMatch(/Verdict: Does not work: Kafka at localhost:\d+: the login is refused\.\n$/);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, findings: [{ code: 'kafka-login' }] });
    expect([text.exitCode, json.exitCode]).toEqual([1, 1]);
    expect(JSON.stringify([text, json])).not.toContain('wr0ng-one');
  });

  it('its port, given where events were meant', async () => {
    const { stdout } = await runDoctor([`127.0.0.1:${kafka.port}`, '--wait', '100ms']);
    expect(stdout).toContain(`Verdict: No events: tcp://127.0.0.1:${kafka.port}: Kafka, not ZeroMQ.`);
  });

  it('no login where one is asked for', async () => {
    const codes = codesOf(await examine({ brokers: login().brokers }), 'failure');
    expect(codes).toHaveLength(1);
    expect(codes[0]).toMatch(/kafka-(login|hangs-up)/);
  });

  it('a certificate that nobody trusts, and a listener without TLS', async () => {
    expect(codesOf(await examine({ brokers: [`localhost:${kafka.secure?.tls}`], tls: { enabled: true } }))).toEqual([
      'kafka-tls',
    ]);
    expect(codesOf(await examine({ tls: { enabled: true, ca: certificates.ca } }), 'failure')).toHaveLength(1);
  });

  it('a principal without rights, then with some', async () => {
    const findings = await examine(login());
    expect(codesOf(findings, 'failure')).toEqual(Array.from({ length: 3 }, () => 'kafka-topic-forbidden'));
    await allow(['kv-events', 'kv-events.dead-letter', 'kv-events.checkpoints'], ['DESCRIBE']);
    const seeing = await examine({ ...login(), delivery: 'exactly-once' });
    const missing = seeing.filter(({ code }) => code === 'kafka-rights-missing').map(({ subject }) => subject);
    expect(missing).toEqual(['topic kv-events', 'topic kv-events.dead-letter', 'topic kv-events.checkpoints']);
    expect(codesOf(seeing)).toContain('kafka-no-coordinator');
    expect(codesOf(seeing)).toContain('kafka-checkpoints-unread');
    expect(codesOf(seeing)).toContain('kafka-settings-unread');
    await allow(['kv-events', 'kv-events.dead-letter', 'kv-events.checkpoints'], ['WRITE', 'READ']);
    expect(codesOf(await examine(login()), 'failure')).toEqual([]);
  });
});

async function allow(topics: readonly string[], operations: readonly ('DESCRIBE' | 'WRITE' | 'READ')[]): Promise<void> {
  const { AclResourceTypes, ResourcePatternTypes, AclOperationTypes, AclPermissionTypes } = kafkajs;
  const admin = new kafkajs.Kafka({ brokers: [...kafka.brokers], logCreator: () => () => {} }).admin();
  await admin.connect();
  await admin.createAcls({
    acl: topics.flatMap((resourceName) =>
      operations.map((operation) => ({
        resourceType: AclResourceTypes.TOPIC,
        resourceName,
        resourcePatternType: ResourcePatternTypes.LITERAL,
        principal: `User:${kafkaUser.username}`,
        host: '*',
        operation: AclOperationTypes[operation],
        permissionType: AclPermissionTypes.ALLOW,
      })),
    ),
  });
  await admin.disconnect();
}

describe('doctor before a Kafka', () => {
  it('nobody there', async () => {
    const findings = await examine({ brokers: [`127.0.0.1:${await freePorts()}`] });
    expect(codesOf(findings)).toEqual(['kafka-unreachable']);
  });

  it('something that hangs up', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const findings = await examine({ brokers: [`127.0.0.1:${port}`] });
    server.close();
    expect(codesOf(findings)).toHaveLength(1);
    expect(codesOf(findings, 'failure')).toHaveLength(1);
  });

  it('something that takes connections and says nothing', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const findings = await examine({ brokers: [`127.0.0.1:${(server.address() as AddressInfo).port}`] });
    for (const socket of sockets) socket.destroy();
    server.close();
    expect(codesOf(findings)).toEqual(['kafka-unreachable']);
    expect(findings[0]).toMatchObject({ message: 'it takes the connection and does not answer', cause: 'no answer' });
  });

  it('one that advertises an address which leads nowhere', async () => {
    const target = { port: 0 };
    const proxy = createServer((client) => {
      const server = connect(target.port, '127.0.0.1');
      client.pipe(server).pipe(client);
      for (const socket of [client, server]) socket.on('error', () => client.destroy());
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    const misled = await startKafka({
      backend: 'native',
      onPort: (real) => Object.assign(target, { port: real }),
      properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}` },
    });
    try {
      // From now on the address that it advertises is the one of nobody.
      proxy.close();
      const findings = await examine({ brokers: [`127.0.0.1:${misled.port}`] });
      expect(the('kafka-advertised', findings).facts).toMatchObject({ host: '127.0.0.1', port });
    } finally {
      await misled.remove();
    }
  });
});
