import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, ConfigResourceTypes } from 'kafkajs';
import { SinkError } from '../../core/errors.ts';
import type { ClientFactory } from './client.ts';
import { inTime } from './deadline.ts';
import { judge, sinkErrorOf } from './errors.ts';
import type { KafkaConfig } from './settings.ts';
import { createCommand, shapeOf } from './topic-shape.ts';

/** What the cluster says of a topic. */
export interface TopicFacts {
  readonly partitions: number;
  /** Its `max.message.bytes`; null where it may not be read. */
  readonly maxMessageBytes: number | null;
}

/** How long facts are believed, ms: then a grown topic is noticed. */
const maxAge = 300_000;
const topicResource: ConfigResourceTypes.TOPIC = 2;

/** Knows topics: how many partitions, how large a record batch; creates missing ones where that is wanted. */
export class Directory {
  readonly #factory: ClientFactory;
  readonly #config: KafkaConfig;
  readonly #facts = new Map<string, TopicFacts>();
  #since = 0;

  constructor(factory: ClientFactory, config: KafkaConfig) {
    this.#factory = factory;
    this.#config = config;
  }

  /** Facts from memory or from the cluster. Throws a `SinkError` that says how to mend it. */
  async facts(topic: string): Promise<TopicFacts> {
    if (Date.now() - this.#since > maxAge) this.forget();
    const known = this.#facts.get(topic);
    if (known !== undefined) return known;
    const facts = await this.#withAdmin((admin) => this.#ask(admin, topic), topic);
    this.#facts.set(topic, facts);
    return facts;
  }

  /** What is already known, without asking. */
  known(topic: string): TopicFacts | undefined {
    return this.#facts.get(topic);
  }

  forget(): void {
    this.#facts.clear();
    this.#since = Date.now();
  }

  /** The connections live only for the question: topics are looked up rarely. */
  async #withAdmin<T>(ask: (admin: Admin) => Promise<T>, topic: string): Promise<T> {
    const { requestTimeout, connectionTimeout } = this.#config;
    const client = await this.#factory.make();
    const admin = client.kafka.admin();
    try {
      await inTime(admin.connect(), requestTimeout + connectionTimeout, 'connecting to Kafka');
      return await inTime(ask(admin), 2 * requestTimeout, `asking Kafka about topic "${topic}"`);
    } catch (error) {
      const verdict = judge(error);
      if (verdict.identity) this.#factory.forgetCredentials();
      if (error instanceof SinkError) throw error;
      if (verdict.code === 'UNKNOWN_TOPIC_OR_PARTITION') throw this.#missing(topic, error);
      throw sinkErrorOf(verdict, `asking Kafka about topic "${topic}"`);
    } finally {
      await inTime(admin.disconnect(), 1_000, 'disconnecting').catch(() => {});
      client.sockets.cut();
    }
  }

  async #ask(admin: Admin, topic: string): Promise<TopicFacts> {
    let partitions: number;
    try {
      partitions = await countPartitions(admin, topic);
    } catch (error) {
      if (!this.#config.createTopics || judge(error).code !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      await this.#create(admin, topic);
      partitions = await countWhenReady(admin, topic);
    }
    return { partitions, maxMessageBytes: await readLimit(admin, topic) };
  }

  async #create(admin: Admin, topic: string): Promise<void> {
    const { requestTimeout } = this.#config;
    const { partitions, options } = shapeOf(this.#config, topic);
    const replicationFactor = this.#config.replicationFactor ?? (await defaultCopies(admin));
    const configEntries = Object.entries(options).map(([name, value]) => ({ name, value }));
    const wanted = { topic, numPartitions: partitions, replicationFactor, configEntries };
    await admin.createTopics({ topics: [wanted], waitForLeaders: false, timeout: requestTimeout });
  }

  #missing(topic: string, cause: unknown): SinkError {
    return new SinkError({
      kind: 'destination',
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      message: `topic "${topic}" does not exist; create it: ${createCommand(this.#config, topic)} (or set kafka.createTopics to true)`,
      cause,
    });
  }
}

async function countPartitions(admin: Admin, topic: string): Promise<number> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
}

/** A new topic takes a moment until all brokers know it. */
async function countWhenReady(admin: Admin, topic: string): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await countPartitions(admin, topic);
    } catch (error) {
      if (tries === 20) throw error;
      await sleep(100);
    }
  }
}

async function defaultCopies(admin: Admin): Promise<number> {
  const { brokers } = await admin.describeCluster();
  return Math.min(3, brokers.length);
}

/** Needs DescribeConfigs on the topic; without it the broker's own refusal has to do. */
async function readLimit(admin: Admin, topic: string): Promise<number | null> {
  try {
    const query = { type: topicResource, name: topic, configNames: ['max.message.bytes'] };
    const { resources } = await admin.describeConfigs({ resources: [query], includeSynonyms: false });
    const value = Number(resources[0]?.configEntries[0]?.configValue);
    return Number.isInteger(value) && value > 0 ? value : null;
  } catch (error) {
    if (judge(error).class === 'transient') throw error;
    return null;
  }
}
