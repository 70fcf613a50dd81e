import { SinkError } from '../../core/errors.ts';
import type { Observe } from '../../core/observer.ts';
import { CheckpointRecords } from './checkpoint-log.ts';
import type { ClientFactory } from './client.ts';
import { Directory } from './directory.ts';
import { judge, sinkErrorOf } from './errors.ts';
import { Planner } from './planner.ts';
import type { KafkaConfig } from './settings.ts';
import { Topics } from './target.ts';

/** kafkajs groups the records of a partition in quadratic time: up to here that costs less than encoding them. */
const maxOfKafkajs = 500;

/** What both kinds of delivery are made of. */
export class KafkaParts {
  readonly config: KafkaConfig;
  readonly bridge: string;
  readonly factory: ClientFactory;
  /** The codec's number in the protocol. */
  readonly compression: number;
  readonly observe: Observe;
  readonly directory: Directory;
  readonly planner: Planner;
  readonly records: CheckpointRecords;
  /** The topics that have to exist from the start. */
  readonly #expected: readonly string[];

  constructor(given: Pick<KafkaParts, 'config' | 'bridge' | 'factory' | 'compression' | 'observe'>) {
    const { config, bridge, factory } = given;
    this.config = config;
    this.bridge = bridge;
    this.factory = factory;
    this.compression = given.compression;
    this.observe = given.observe;
    const topics = new Topics(config);
    this.directory = new Directory(factory, config);
    this.planner = new Planner(topics, this.directory, this);
    this.records = new CheckpointRecords(config.checkpointTopic, bridge);
    const { deadLetterTopic, checkpointTopic } = config;
    this.#expected = [topics.constant, deadLetterTopic, checkpointTopic].filter((topic) => topic !== null);
  }

  /** Most records of one record batch. */
  get maxPartRecords(): number {
    return this.config.producer === 'kafkajs' ? maxOfKafkajs : Number.POSITIVE_INFINITY;
  }

  /** How long one call may stay without an answer, ms. */
  get patience(): number {
    return this.config.requestTimeout + this.config.connectionTimeout;
  }

  /** Throws one error that names every missing topic. */
  async checkTopics(): Promise<void> {
    const missing: SinkError[] = [];
    for (const topic of this.#expected) {
      try {
        await this.directory.facts(topic);
      } catch (error) {
        const known = asSinkError(error);
        if (known.kind !== 'destination') throw known;
        missing.push(known);
      }
    }
    const [first] = missing;
    if (first !== undefined) throw together(first, missing);
  }
}

export function asSinkError(error: unknown, written = 0): SinkError {
  const known = error instanceof SinkError ? error : sinkErrorOf(judge(error), 'writing to Kafka');
  const { kind, code, message, cause } = known;
  return new SinkError({ kind, code, message, cause, written });
}

function together({ code, cause }: SinkError, all: readonly SinkError[]): SinkError {
  return new SinkError({ kind: 'destination', code, message: all.map(({ message }) => message).join('; '), cause });
}
