import { afterAll, beforeAll } from 'vitest';
import type { SinkHarness } from '../contract/harness.ts';
import { sinkContract } from '../contract/sink.contract.ts';
import { batchOf, eventDocument, testStream } from '../support/batches.ts';
import { KafkaProxy } from '../support/kafka-proxy.ts';
import { readTopic } from '../support/kafka-reader.ts';
import { makeKafkaSink } from '../support/kafka-sink.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';

let kafka: KafkaService;
let proxy: KafkaProxy;
let topics = 0;

// Everybody reaches the broker through the proxy: an outage is then a matter of milliseconds.
beforeAll(async () => {
  proxy = await KafkaProxy.listen();
  const advertised = `PLAINTEXT://127.0.0.1:${proxy.port}`;
  kafka = await startKafka({
    properties: { 'advertised.listeners': advertised },
    onPort: (port) => {
      proxy.target = port;
    },
  });
}, 600_000);

afterAll(async () => {
  await kafka?.remove();
  await proxy?.away();
});

type Producer = 'direct' | 'kafkajs';

async function openKafka(delivery: 'at-least-once' | 'exactly-once', producer: Producer): Promise<SinkHarness> {
  topics += 1;
  const topic = `contract-${topics}`;
  const deadLetterTopic = `${topic}.dead-letter`;
  const maxMessageBytes = 524_288;
  await kafka.createTopic(topic, 3, { 'max.message.bytes': String(maxMessageBytes) });
  await kafka.createTopic(deadLetterTopic);
  const checkpointTopic = `${topic}.checkpoints`;
  // Several, as an administrator may have made it.
  await kafka.createTopic(checkpointTopic, 2, { 'cleanup.policy': 'compact' });
  const values = async (name: string) => (await readTopic(kafka.brokers, name)).map(({ value }) => value);
  return {
    make: async () =>
      (await makeKafkaSink({ brokers: kafka.brokers, topic, deadLetterTopic, checkpointTopic, delivery, producer }))
        .sink,
    readBack: () => values(topic),
    breakDestination: () => proxy.away(),
    healDestination: () => proxy.back(),
    async poison() {
      const stream = testStream();
      const small = (index: number) => eventDocument(stream, { seq: 7, index, count: 3 });
      const large = eventDocument(stream, { seq: 7, index: 1, count: 3, text: 'x'.repeat(maxMessageBytes) });
      return {
        batches: [{ ...batchOf(stream, [small(0), large, small(2)], 7), follows: null }],
        ids: [(JSON.parse(large) as { id: string }).id],
        deadLetters: () => values(deadLetterTopic),
      };
    },
    dispose: () => proxy.back(),
  };
}

const deliveries = ['at-least-once', 'exactly-once'] as const;
for (const [delivery, producer] of deliveries.flatMap((one) => [[one, 'direct'] as const, [one, 'kafkajs'] as const])) {
  sinkContract(`kafka (${delivery}, ${producer})`, () => openKafka(delivery, producer), {
    order: 'stream',
    patience: 30_000,
    checkpoints: { delivery },
  });
}
