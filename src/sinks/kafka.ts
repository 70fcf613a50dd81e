import type { Observe } from '../core/observer.ts';
import type { SinkModule } from '../core/sink.ts';
import { AtLeastOnceSink } from './kafka/at-least-once.ts';
import { KafkaBook } from './kafka/book.ts';
import { ClientFactory } from './kafka/client.ts';
import type { Codec } from './kafka/compression.ts';
import { hasZstd, installCodec } from './kafka/compression.ts';
import { installDecoders } from './kafka/decompression.ts';
import { ExactlyOnceSink } from './kafka/exactly-once.ts';
import { examineKafka } from './kafka/examine.ts';
import { KafkaParts } from './kafka/parts.ts';
import { quietKafkajs } from './kafka/quiet.ts';
import { KafkaReader } from './kafka/reader.ts';
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
  async create(config, { bridge, observe }) {
    checkKafka(config, hasZstd);
    const parts = await partsOf(config, bridge, observe);
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
  async reader(config, { bridge }) {
    const kafkajs = await loadKafkajs();
    installDecoders(kafkajs);
    const plain = { number: 0, compress: null };
    return new KafkaReader(config, new ClientFactory(config, config.clientId ?? bridge, kafkajs.Kafka, plain));
  },
  async checkpoints(config, { bridge }) {
    return new KafkaBook(await partsOf(config, bridge, () => {}));
  },
};

async function partsOf(config: KafkaConfig, bridge: string, observe: Observe): Promise<KafkaParts> {
  const { factory, codec } = await clients(config, bridge);
  return new KafkaParts({ config, bridge, factory, compression: codec.number, observe });
}

async function clients(config: KafkaConfig, bridge: string): Promise<{ factory: ClientFactory; codec: Codec }> {
  const kafkajs = await loadKafkajs();
  const codec = await installCodec(kafkajs, config.compression);
  return { factory: new ClientFactory(config, config.clientId ?? bridge, kafkajs.Kafka, codec), codec };
}

/** kafkajs is CommonJS: its codecs and error classes exist on the default export only. */
async function loadKafkajs() {
  const { default: kafkajs } = await import('kafkajs');
  quietKafkajs();
  return kafkajs;
}
