import { ConfigError } from '../../core/errors.ts';
import type { Stream } from '../../core/stream.ts';
import { TargetTemplate, withoutPlaceholders } from '../template.ts';

const longest = 249;

export interface TopicNames {
  readonly topic: string;
  readonly deadLetterTopic: string;
  readonly checkpointTopic: string;
}

/** Which topic a stream's records go to. */
export class Topics {
  readonly #template: TargetTemplate;
  readonly #reserved: ReadonlySet<string>;

  constructor({ topic, deadLetterTopic, checkpointTopic }: TopicNames) {
    checkLiteral('kafka.topic', withoutPlaceholders(topic));
    checkLiteral('kafka.deadLetterTopic', deadLetterTopic);
    checkLiteral('kafka.checkpointTopic', checkpointTopic);
    if (checkpointTopic === deadLetterTopic) {
      throw new ConfigError(
        `kafka.checkpointTopic: "${checkpointTopic}" is kafka.deadLetterTopic, too; give them two names: one is compacted, the other is not`,
      );
    }
    this.#template = new TargetTemplate('kafka.topic', topic, (text) => text.replace(/[^A-Za-z0-9._-]/g, '_'));
    const ours = [deadLetterTopic, checkpointTopic, 'kv-events.dead-letter', 'kv-events.checkpoints'];
    this.#reserved = new Set([...ours, '.', '..']);
    if (this.#template.isConstant && this.isReserved(topic)) {
      throw new ConfigError(`kafka.topic: "${topic}" is reserved for dead letters or checkpoints; choose another name`);
    }
  }

  /** The only topic there is, or null for a template. */
  get constant(): string | null {
    return this.#template.isConstant ? this.#template.text : null;
  }

  topicOf(stream: Stream): string {
    return this.#template.render(stream).slice(0, longest);
  }

  /** Names that only a hostile or unlucky publisher could ask for: records there would be taken for something else. */
  isReserved(topic: string): boolean {
    return this.#reserved.has(topic) || topic.startsWith('__');
  }
}

function checkLiteral(key: string, text: string): void {
  const bad = /[^A-Za-z0-9._-]/.exec(text)?.[0];
  if (bad !== undefined) {
    throw new ConfigError(
      `${key}: Kafka allows no ${JSON.stringify(bad)} in a topic name, only letters, digits, ".", "_" and "-"; placeholders are {source}, {pod}, {model} and {rank}`,
    );
  }
  if (text.length > longest)
    throw new ConfigError(`${key}: Kafka allows ${longest} characters, these are ${text.length}`);
}
