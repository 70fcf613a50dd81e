import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../ports.ts';
import { jars, needJava } from './java.ts';
import type { Service } from './service.ts';
import { NativeProcess } from './service.ts';
import type { Certificates } from './tls.ts';

const run = promisify(execFile);

export const kafkaVersion = '4.3.1';
export const kafkaUser = { username: 'bridge', password: 'bridge-secret' };

/** Listeners beside the plain one. SASL takes PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER (unsigned tokens). */
export interface SecurePorts {
  readonly tls: number;
  readonly sasl: number;
  readonly saslTls: number;
  readonly certificates: Certificates;
}

export interface NativeKafkaOptions {
  readonly port: number;
  readonly secure: SecurePorts | undefined;
  readonly properties: Readonly<Record<string, string>>;
  readonly isReady: () => Promise<boolean>;
}

export interface KafkaNode extends Service {
  /** Runs one of Kafka's own tools, by its class; returns what it prints. */
  tool(className: string, args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

/** One broker and controller as a Java process. */
export async function nativeKafka(options: NativeKafkaOptions): Promise<KafkaNode> {
  await needJava();
  const libraries = await jars(`kafka-${kafkaVersion}`, [
    { group: 'org.apache.kafka', name: 'kafka_2.13', version: kafkaVersion },
    { group: 'org.apache.kafka', name: 'kafka-tools', version: kafkaVersion },
    { group: 'org.slf4j', name: 'slf4j-simple', version: '1.7.36' },
  ]);
  const folder = await mkdtemp(join(tmpdir(), 'kv-event-bridge-kafka-'));
  const config = join(folder, 'server.properties');
  await writeFile(config, await propertiesOf(options, folder));
  // The C1 compiler alone: a broker lives for seconds here, and the processor belongs to what is tested.
  const java = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${libraries}/*`];
  const broker = new NativeProcess({
    command: 'java',
    args: [...java, 'kafka.Kafka', config],
    log: join(folder, 'broker.log'),
    isReady: options.isReady,
    startTimeout: 120_000,
  });
  const tool = async (className: string, args: readonly string[]) => {
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error';
    return (await run('java', [quiet, ...java, className, ...args], { maxBuffer: 268_435_456 })).stdout;
  };
  return {
    async start() {
      if (!existsSync(join(folder, 'data'))) await format(tool, config);
      await broker.start();
    },
    stop: () => broker.stop(),
    kill: () => broker.kill(),
    pause: () => broker.pause(),
    resume: () => broker.resume(),
    tool,
    async remove() {
      await broker.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function format(tool: KafkaNode['tool'], config: string): Promise<void> {
  const { username, password } = kafkaUser;
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${username},password=${password}]`,
  ]);
  await tool('kafka.tools.StorageTool', [
    'format',
    '--config',
    config,
    '--cluster-id',
    'a2V2LXRlc3QtY2x1c3Rlcg',
    ...scram,
  ]);
}

/** What both backends give a broker that is alone, starts often and dies often. */
export const singleNode: Readonly<Record<string, string>> = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'auto.create.topics.enable': 'false',
  'broker.heartbeat.interval.ms': '500',
  // After kill -9 the restarted broker waits until its former self has expired.
  'broker.session.timeout.ms': '3000',
  'group.initial.rebalance.delay.ms': '0',
  'offsets.topic.num.partitions': '1',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  // Records of tests have fixed times, long ago: the broker would throw them away some seconds after they were written.
  'log.retention.ms': '-1',
};

async function propertiesOf({ port, secure, properties }: NativeKafkaOptions, folder: string): Promise<string> {
  const controller = await freePorts();
  const at = (name: string, number: number) => `${name}://127.0.0.1:${number}`;
  const extra = secure ? [at('TLS', secure.tls), at('SASL', secure.sasl), at('SASL_TLS', secure.saslTls)] : [];
  const listeners = [at('PLAINTEXT', port), ...extra];
  const all = {
    ...singleNode,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: [...listeners, at('CONTROLLER', controller)].join(','),
    'advertised.listeners': listeners.join(','),
    'listener.security.protocol.map':
      'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,SASL:SASL_PLAINTEXT,SASL_TLS:SASL_SSL',
    'log.dirs': join(folder, 'data'),
    ...(secure ? await security(secure, folder) : {}),
    ...properties,
  };
  return Object.entries(all)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

async function security({ certificates }: SecurePorts, folder: string): Promise<Record<string, string>> {
  const keystore = join(folder, 'keystore.pem');
  const parts = await Promise.all(
    [certificates.serverKey, certificates.serverCert].map((file) => readFile(file, 'utf8')),
  );
  await writeFile(keystore, parts.join(''));
  const { username, password } = kafkaUser;
  const module = 'org.apache.kafka.common.security';
  const perListener = ['sasl', 'sasl_tls'].flatMap((name) => {
    const prefix = `listener.name.${name}`;
    return [
      [`${prefix}.sasl.enabled.mechanisms`, 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER'],
      [`${prefix}.plain.sasl.jaas.config`, `${module}.plain.PlainLoginModule required user_${username}="${password}";`],
      [`${prefix}.scram-sha-256.sasl.jaas.config`, `${module}.scram.ScramLoginModule required;`],
      [`${prefix}.scram-sha-512.sasl.jaas.config`, `${module}.scram.ScramLoginModule required;`],
      [
        `${prefix}.oauthbearer.sasl.jaas.config`,
        `${module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
      ],
    ];
  });
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keystore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': certificates.ca,
    'listener.name.tls.ssl.client.auth': 'required',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // The plain listener and the TLS certificate of the tests may do everything, the SASL user what ACLs allow.
    'super.users': 'User:ANONYMOUS;User:CN=client',
    ...Object.fromEntries(perListener),
  };
}
