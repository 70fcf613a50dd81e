import type { Admin, ConfigResourceTypes, PartitionMetadata } from 'kafkajs';
import type { Finding } from '../../core/finding.ts';
import { inTime } from './deadline.ts';
import { judge } from './errors.ts';
import { kafkaFinding as find } from './examine-findings.ts';
import type { KafkaConfig } from './settings.ts';
import { createCommand } from './topic-shape.ts';

const topicResource: ConfigResourceTypes.TOPIC = 2;
const names = ['cleanup.policy', 'retention.ms', 'retention.bytes', 'min.insync.replicas', 'max.message.bytes'];
const hour = 3_600_000;
/** What a dead letter needs with its 64 KiB of the record, and what a record batch may become by default. */
const smallest = { deadLetter: 131_072, events: 1_000_000 };

type Options = ReadonlyMap<string, string>;

/** What the cluster says of the topics of the sink. */
export class TopicExamination {
  readonly #admin: Admin;
  readonly #config: KafkaConfig;
  readonly #patience: number;

  constructor(admin: Admin, config: KafkaConfig, patience: number) {
    this.#admin = admin;
    this.#config = config;
    this.#patience = patience;
  }

  /** `kafka-topic` is among them where the topic exists. */
  async look(topic: string): Promise<readonly Finding[]> {
    const subject = `topic ${topic}`;
    let partitions: readonly PartitionMetadata[];
    try {
      partitions = await this.#partitions(topic);
    } catch (error) {
      return [this.#absent(subject, topic, error)];
    }
    const options = await this.#options(topic);
    return [
      found(subject, partitions, options),
      ...(options === null
        ? [find('kafka-settings-unread', subject, 'its settings may not be read (DescribeConfigs)')]
        : [...this.#ofOptions(subject, topic, options), ...copies(subject, partitions, options)]),
      ...leaders(subject, partitions),
    ];
  }

  async #partitions(topic: string): Promise<readonly PartitionMetadata[]> {
    const asked = this.#admin.fetchTopicMetadata({ topics: [topic] });
    const { topics } = await inTime(asked, 2 * this.#patience, `asking Kafka about topic "${topic}"`);
    return topics.find(({ name }) => name === topic)?.partitions ?? [];
  }

  #absent(subject: string, topic: string, error: unknown): Finding {
    const { code, message } = judge(error);
    const facts = { error: code };
    if (code === 'TOPIC_AUTHORIZATION_FAILED')
      return find('kafka-topic-forbidden', subject, 'the principal may not see it', { facts });
    if (code !== 'UNKNOWN_TOPIC_OR_PARTITION') {
      const [sentence = message, ...remedies] = message.split('; ');
      const remedy = remedies.join('; ');
      return find('kafka-topic-unknown', subject, sentence, { facts, ...(remedy !== '' && { remedy }) });
    }
    if (this.#config.createTopics)
      return find('kafka-topic-to-create', subject, 'it does not exist; the bridge creates it');
    return find('kafka-topic-missing', subject, 'it does not exist', {
      remedy: `create it: ${createCommand(this.#config, topic)} (or set kafka.createTopics to true)`,
      facts,
    });
  }

  /** Null where they may not be read. */
  async #options(topic: string): Promise<Options | null> {
    try {
      const query = { type: topicResource, name: topic, configNames: names };
      const asked = this.#admin.describeConfigs({ resources: [query], includeSynonyms: false });
      const { resources } = await inTime(asked, this.#patience, 'asking for settings');
      const entries = resources[0]?.configEntries ?? [];
      if (resources[0]?.errorCode !== 0) return null;
      return new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    } catch {
      return null;
    }
  }

  *#ofOptions(subject: string, topic: string, options: Options): Generator<Finding> {
    const { checkpointTopic, deadLetterTopic } = this.#config;
    const policy = options.get('cleanup.policy') ?? 'delete';
    const facts = { cleanup_policy: policy };
    const isCompacted = policy.split(',').includes('compact');
    if (topic === checkpointTopic) {
      if (!isCompacted || policy.includes('delete'))
        yield find('kafka-not-compacted', subject, `its cleanup.policy is ${policy}`, { facts });
      return;
    }
    if (isCompacted) yield find('kafka-compacted', subject, `its cleanup.policy is ${policy}`, { facts });
    const kept = Number(options.get('retention.ms') ?? -1);
    if (kept >= 0 && kept < hour)
      yield find('kafka-retention-short', subject, `its retention.ms is ${kept}`, { facts: { retention_ms: kept } });
    const bytes = Number(options.get('max.message.bytes') ?? smallest.events);
    if (bytes < (topic === deadLetterTopic ? smallest.deadLetter : smallest.events))
      yield find('kafka-message-bytes', subject, `its max.message.bytes is ${bytes}`, {
        facts: { max_message_bytes: bytes },
      });
  }
}

function found(subject: string, partitions: readonly PartitionMetadata[], options: Options | null): Finding {
  const copies = Math.min(...partitions.map(({ replicas }) => replicas.length));
  const facts = { partitions: partitions.length, copies, ...(options === null ? {} : Object.fromEntries(options)) };
  const kept = options === null ? '' : `, kept ${retention(options)}`;
  const count = `${partitions.length} ${partitions.length === 1 ? 'partition' : 'partitions'}`;
  return find('kafka-topic', subject, `${count}, ${copies} ${copies === 1 ? 'copy' : 'copies'}${kept}`, { facts });
}

function retention(options: Options): string {
  const [ms, bytes] = ['retention.ms', 'retention.bytes'].map((name) => Number(options.get(name) ?? -1));
  if (options.get('cleanup.policy') === 'compact') return 'compacted';
  const time =
    ms === undefined || ms < 0 ? 'without a limit of time' : `for ${(ms / hour).toFixed(ms < hour ? 2 : 0)} h`;
  return bytes === undefined || bytes < 0 ? time : `${time}, up to ${bytes} bytes per partition`;
}

function leaders(subject: string, partitions: readonly PartitionMetadata[]): readonly Finding[] {
  const without = partitions.filter(({ leader }) => leader < 0).map(({ partitionId }) => partitionId);
  if (without.length === 0) return [];
  return [find('kafka-no-leader', subject, `no leader for partition ${without.join(', ')}`, { facts: { without } })];
}

/** The sink always waits for all copies in sync (acks=all). */
function copies(subject: string, partitions: readonly PartitionMetadata[], options: Options): readonly Finding[] {
  const least = Number(options.get('min.insync.replicas') ?? 1);
  const replicas = Math.min(...partitions.map((one) => one.replicas.length));
  const inSync = Math.min(...partitions.map(({ isr }) => isr.length));
  const facts = { min_insync_replicas: least, copies: replicas, in_sync: inSync };
  if (inSync < least)
    return [find('kafka-too-few-in-sync', subject, `${inSync} in sync, min.insync.replicas is ${least}`, { facts })];
  if (replicas > 1 && least > 1) return [];
  return [
    find(
      'kafka-one-copy',
      subject,
      `${replicas} ${replicas === 1 ? 'copy' : 'copies'}, min.insync.replicas is ${least}`,
      {
        facts,
      },
    ),
  ];
}
