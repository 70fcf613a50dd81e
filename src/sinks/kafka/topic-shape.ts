import type { KafkaConfig } from './settings.ts';

/** How a topic is made. */
export interface TopicShape {
  readonly partitions: number;
  readonly options: Readonly<Record<string, string>>;
}

/**
 * The checkpoint topic is read as a whole at each start. Compaction leaves the newest segment alone (1 GiB with a broker's
 * defaults), so segments are small.
 */
const compacted = { 'cleanup.policy': 'compact', 'segment.bytes': '16777216', 'min.cleanable.dirty.ratio': '0.1' };

export function shapeOf({ checkpointTopic, partitions }: KafkaConfig, topic: string): TopicShape {
  return topic === checkpointTopic ? { partitions: 1, options: compacted } : { partitions, options: {} };
}

/** For people whose topics are not made by the bridge. */
export function createCommand(config: KafkaConfig, topic: string): string {
  const { brokers, replicationFactor } = config;
  const { partitions, options } = shapeOf(config, topic);
  const configs = Object.entries(options).map(([name, value]) => ` --config ${name}=${value}`);
  return `kafka-topics.sh --bootstrap-server ${brokers[0]} --create --topic ${topic} --partitions ${partitions} --replication-factor ${replicationFactor ?? 3}${configs.join('')}`;
}
