import type { SinkModule } from '../core/sink.ts';
import { AtLeastOnceSink } from './kafka/at-least-once.ts';
import { ClientFactory } from './kafka/client.ts';
import { hasZstd, installCodec } from './kafka/compression.ts';
import { ExactlyOnceSink } from './kafka/exactly-once.ts';
import { KafkaParts } from './kafka/parts.ts';
import { quietKafkajs } from './kafka/quiet.ts';
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
    // kafkajs is CommonJS: its codecs and error classes exist on the default export only.
    const { default: kafkajs } = await import('kafkajs');
    quietKafkajs();
    const { bridge, observe } = context;
    const codec = await installCodec(kafkajs, config.compression);
    const factory = new ClientFactory(config, config.clientId ?? bridge, kafkajs.Kafka, codec);
    const parts = new KafkaParts({ config, bridge, factory, compression: codec.number, observe });
    return config.delivery === 'exactly-once' ? new ExactlyOnceSink(parts) : new AtLeastOnceSink(parts);
  },
};
