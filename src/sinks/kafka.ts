import type { SinkModule } from '../core/sink.ts';
import { AtLeastOnceSink } from './kafka/at-least-once.ts';
import { ClientFactory } from './kafka/client.ts';
import type { Codec } from './kafka/compression.ts';
import { hasZstd, installCodec } from './kafka/compression.ts';
import { ExactlyOnceSink } from './kafka/exactly-once.ts';
import { examineKafka } from './kafka/examine.ts';
import { KafkaParts } from './kafka/parts.ts';
import { quietKafkajs } from './kafka/quiet.ts';
import type { KafkaConfig } from './kafka/settings.ts';
import { checkKafka, kafkaSettings } from './kafka/settings.ts';
import { Topics } from './kafka/target.ts';

export const kafkaSink: SinkModule<typeof kafkaSettings> = {
  name: 'kafka',
  settings: kafkaSettings,
  check(config) {
    checkKafka(config, hasZstd);
    new Topics(config);
  },
  async create(config, context) {
    checkKafka(config, hasZstd);
    const { bridge, observe } = context;
    const { factory, codec } = await clients(config, bridge);
    const parts = new KafkaParts({ config, bridge, factory, compression: codec.number, observe });
    return config.delivery === 'exactly-once' ? new ExactlyOnceSink(parts) : new AtLeastOnceSink(parts);
  },
  async *examine(config, about) {
    // An examination may not take as long as a sink may wait.
    const requestTimeout = Math.min(config.requestTimeout, about.timeout);
    const connectionTimeout = Math.min(config.connectionTimeout, about.timeout);
    const brief = { ...config, requestTimeout, connectionTimeout };
    const { factory } = await clients(brief, about.bridge);
    yield* examineKafka(brief, factory, about);
  },
};

async function clients(config: KafkaConfig, bridge: string): Promise<{ factory: ClientFactory; codec: Codec }> {
  // kafkajs is CommonJS: its codecs and error classes exist on the default export only.
  const { default: kafkajs } = await import('kafkajs');
  quietKafkajs();
  const codec = await installCodec(kafkajs, config.compression);
  return { factory: new ClientFactory(config, config.clientId ?? bridge, kafkajs.Kafka, codec), codec };
}
