import kafkajs from 'kafkajs';
import { quietKafkajs } from '../../../src/sinks/kafka/quiet.ts';
import { freePorts } from '../ports.ts';
import { Container, dockerHas } from './docker.ts';
import type { KafkaNode, SecurePorts } from './kafka-native.ts';
import { kafkaVersion, nativeKafka, singleNode } from './kafka-native.ts';
import type { Service } from './service.ts';
import { waitFor } from './service.ts';
import type { Certificates } from './tls.ts';

const image = `apache/kafka:${kafkaVersion}`;

export interface KafkaOptions {
  /** Where it runs; without it a container when a Docker daemon answers, else a process. */
  readonly backend?: 'docker' | 'native';
  /** Adds listeners with TLS (client certificate asked for), SASL, and both; always native. */
  readonly secure?: Certificates;
  /** Further broker properties. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Told the port before the broker starts: a proxy that it advertises must be ready by then. */
  readonly onPort?: (port: number) => void;
}

export interface KafkaService extends Service {
  readonly port: number;
  /** The plain listener; it may do everything. */
  readonly brokers: readonly string[];
  readonly secure: SecurePorts | undefined;
  /** Creates topics; resolves when they have leaders. */
  createTopic(topic: string, partitions?: number, config?: Readonly<Record<string, string>>): Promise<void>;
  /** Runs one of Kafka's own tools by its class, e.g. `org.apache.kafka.tools.TopicCommand`; returns what it prints. */
  tool(className: string, args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

/** Starts a real Kafka, one node, on free ports of 127.0.0.1. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaService> {
  const { secure: certificates, properties = {} } = options;
  const port = await freePorts();
  options.onPort?.(port);
  const native = options.backend === 'native' || certificates !== undefined;
  const secure = certificates && (await securePorts(certificates));
  const isReady = () => answers(port);
  const node =
    native || !dockerHas(image)
      ? await nativeKafka({ port, secure, properties, isReady })
      : dockerKafka(port, properties, isReady);
  const service: KafkaService = {
    ...node,
    port,
    brokers: [`127.0.0.1:${port}`],
    secure,
    createTopic: (topic, partitions = 1, config = {}) => createTopic(port, { topic, partitions, config }),
  };
  try {
    await service.start();
  } catch (error) {
    await service.remove();
    throw error;
  }
  return service;
}

async function securePorts(certificates: Certificates): Promise<SecurePorts> {
  return { tls: await freePorts(), sasl: await freePorts(), saslTls: await freePorts(), certificates };
}

function dockerKafka(
  port: number,
  properties: Readonly<Record<string, string>>,
  isReady: () => Promise<boolean>,
): KafkaNode {
  const all = {
    ...singleNode,
    'controller.quorum.voters': '1@localhost:1',
    // The same number inside and outside: the broker also talks to itself by its advertised name.
    listeners: `PLAINTEXT://0.0.0.0:${port},CONTROLLER://localhost:1`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': '/tmp/kafka-data',
    ...properties,
  };
  const controller = port === 19_093 ? 19_094 : 19_093;
  const env: Record<string, string> = { KAFKA_HEAP_OPTS: '-Xmx512m' };
  for (const [key, value] of Object.entries(all))
    env[variable(key)] = value.replace('localhost:1', `localhost:${controller}`);
  const container = new Container({ image, ports: { [port]: port }, env });
  return {
    async start() {
      await container.start();
      await waitFor(isReady, { what: `the Kafka container on port ${port} answers`, timeout: 120_000 });
    },
    stop: () => container.stop(),
    kill: () => container.kill(),
    pause: () => container.pause(),
    resume: () => container.resume(),
    tool: (className, args) => container.exec(['/opt/kafka/bin/kafka-run-class.sh', className, ...args]),
    remove: () => container.remove(),
  };
}

function variable(property: string): string {
  return `KAFKA_${property.replaceAll('-', '__').replaceAll('.', '_').toUpperCase()}`;
}

function adminOf(port: number): ReturnType<InstanceType<typeof kafkajs.Kafka>['admin']> {
  quietKafkajs();
  const retry = { retries: 0 };
  return new kafkajs.Kafka({ brokers: [`127.0.0.1:${port}`], logCreator: () => () => {}, retry }).admin();
}

async function answers(port: number): Promise<boolean> {
  const admin = adminOf(port);
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0;
  } finally {
    await admin.disconnect();
  }
}

interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

async function createTopic(port: number, { topic, partitions, config }: NewTopic): Promise<void> {
  const admin = adminOf(port);
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  try {
    await admin.connect();
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }],
      waitForLeaders: false,
    });
    const hasLeaders = async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]?.partitions.every(({ leader }) => leader >= 0) ?? false;
    };
    await waitFor(hasLeaders, { what: `topic ${topic} has leaders` });
  } finally {
    await admin.disconnect();
  }
}
