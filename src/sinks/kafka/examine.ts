import type { Finding } from '../../core/finding.ts';
import type { Examination } from '../../core/sink.ts';
import type { Client, ClientFactory } from './client.ts';
import { inTime } from './deadline.ts';
import { judge } from './errors.ts';
import { advertised } from './examine-brokers.ts';
import { kafkaFinding as find } from './examine-findings.ts';
import { examineName } from './examine-name.ts';
import { examineTransactions, examineWriting } from './examine-rights.ts';
import { TopicExamination } from './examine-topic.ts';
import type { Cluster } from './inside.ts';
import { clusterOf } from './inside.ts';
import type { KafkaConfig } from './settings.ts';
import { Topics } from './target.ts';

/** Looks at a cluster as the sink would find it, and changes nothing there. */
export async function* examineKafka(
  config: KafkaConfig,
  factory: ClientFactory,
  about: Examination,
): AsyncGenerator<Finding> {
  let client: Client;
  try {
    client = await factory.make();
  } catch (error) {
    yield unusable(config, error);
    return;
  }
  const stop = () => client.sockets.cut();
  about.signal.addEventListener('abort', stop, { once: true });
  try {
    yield* new KafkaExamination({ config, factory, client, about }).run();
  } finally {
    about.signal.removeEventListener('abort', stop);
    client.sockets.cut();
  }
}

interface Parts {
  readonly config: KafkaConfig;
  readonly factory: ClientFactory;
  readonly client: Client;
  readonly about: Examination;
}

class KafkaExamination {
  readonly #parts: Parts;
  readonly #cluster: Cluster;
  readonly #patience: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#cluster = clusterOf(parts.client.kafka);
    this.#patience = parts.config.requestTimeout + parts.config.connectionTimeout;
  }

  async *run(): AsyncGenerator<Finding> {
    const { config, about } = this.#parts;
    const subject = `Kafka at ${config.brokers.join(', ')}`;
    try {
      await inTime(this.#cluster.connect(), this.#patience, 'connecting to Kafka');
      await inTime(this.#cluster.refreshMetadata(), this.#patience, 'asking for the brokers');
    } catch (error) {
      yield unusable(config, error);
      return;
    }
    const brokers = this.#cluster.brokerPool.metadata?.brokers ?? [];
    yield find('kafka-reachable', subject, `it answers; its brokers are ${brokers.map(shown).join(', ')}`, {
      facts: { brokers: brokers.map(shown) },
    });
    const away = await advertised(brokers, about);
    yield* away;
    if (away.length === brokers.length || about.signal.aborted) return;
    yield* this.#topics();
  }

  async *#topics(): AsyncGenerator<Finding> {
    const { config, client, about } = this.#parts;
    const { constant } = new Topics(config);
    if (constant === null) yield find('kafka-template', `topic ${config.topic}`, 'which topics there are shows later');
    const topics = [constant, config.deadLetterTopic, config.checkpointTopic].filter((topic) => topic !== null);
    const admin = client.kafka.admin();
    const examination = new TopicExamination(admin, config, this.#patience);
    const there: string[] = [];
    try {
      await inTime(admin.connect(), this.#patience, 'connecting to Kafka');
      for (const topic of topics) {
        if (about.signal.aborted) return;
        const findings = await examination.look(topic);
        yield* findings;
        // It hangs: every further question would take as long.
        if (findings.some(({ facts }) => facts?.['error'] === 'TIMEOUT')) return;
        if (findings.some(({ code }) => code === 'kafka-topic')) there.push(topic);
      }
    } catch (error) {
      yield unusable(config, error);
      return;
    } finally {
      admin.disconnect().catch(() => undefined);
    }
    yield* this.#rights(there);
  }

  async *#rights(topics: readonly string[]): AsyncGenerator<Finding> {
    const { config, factory, about } = this.#parts;
    for (const topic of topics) yield await examineWriting(this.#cluster, topic, this.#patience);
    if (config.delivery === 'exactly-once' && topics.length > 0)
      yield await examineTransactions(this.#cluster, `kv-event-bridge.${about.bridge}`, this.#patience);
    if (topics.includes(config.checkpointTopic) && !about.signal.aborted)
      yield* examineName(factory, { topic: config.checkpointTopic, bridge: about.bridge, patience: this.#patience });
  }
}

function shown({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host}:${port}`;
}

const loginCodes = /SASL|DELEGATION/;
const notGreeted = 'Broker not connected';
const hangUps = new Set(['KafkaJSConnectionClosedError', 'ECONNRESET']);

function unusable({ brokers }: KafkaConfig, error: unknown): Finding {
  const subject = `Kafka at ${brokers.join(', ')}`;
  const verdict = judge(error);
  const [message = '', ...remedies] = verdict.message.split('; ');
  const remedy = remedies.join('; ');
  const details = { facts: { error: verdict.code }, ...(remedy === '' ? {} : { remedy }) };
  // kafkajs takes a broker that has a socket and no answer for connected, and then stumbles over that.
  if (message === notGreeted || verdict.code === 'TIMEOUT')
    return find('kafka-unreachable', subject, 'it takes the connection and does not answer', {
      facts: { error: 'TIMEOUT' },
      remedy: 'look whether the brokers hang, or whether a proxy in between has nobody behind it',
      cause: 'no answer',
    });
  if (loginCodes.test(verdict.code)) return find('kafka-login', subject, message, details);
  if (verdict.class === 'destination' && verdict.identity) return find('kafka-tls', subject, message, details);
  if (hangUps.has(verdict.code)) return find('kafka-hangs-up', subject, message, details);
  return verdict.class === 'transient'
    ? find('kafka-unreachable', subject, message, details)
    : find('kafka-unusable', subject, message, details);
}
