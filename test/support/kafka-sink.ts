import { PassThrough } from 'node:stream';
import type { Fact } from '../../src/core/observer.ts';
import type { Settings } from '../../src/core/settings.ts';
import { isSetting } from '../../src/core/settings.ts';
import type { Sink } from '../../src/core/sink.ts';
import type { KafkaConfig } from '../../src/sinks/kafka/settings.ts';
import { kafkaSettings } from '../../src/sinks/kafka/settings.ts';
import { kafkaSink } from '../../src/sinks/kafka.ts';

type Partly<T> = {
  readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : T[K] extends object ? Partly<T[K]> : T[K];
};
export type KafkaOverrides = Partly<KafkaConfig>;

/** The configuration that results from defaults and these values. */
export function kafkaConfig(overrides: KafkaOverrides = {}): KafkaConfig {
  return merge(kafkaSettings, overrides as Record<string, unknown>) as unknown as KafkaConfig;
}

function merge(settings: Settings, overrides: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [
      key,
      isSetting(value)
        ? (overrides[key] ?? value.default)
        : merge(value, (overrides[key] ?? {}) as Record<string, unknown>),
    ]),
  );
}

/** A Kafka sink and the facts it reports. Timeouts are short: these tests break things on purpose. */
export async function makeKafkaSink(
  overrides: KafkaOverrides,
  bridge = 'test-bridge',
): Promise<{ sink: Sink; facts: Fact[] }> {
  const facts: Fact[] = [];
  const config = kafkaConfig({ requestTimeout: 3_000, connectionTimeout: 1_000, ...overrides });
  const context = { bridge, stdout: new PassThrough(), observe: (fact: Fact) => facts.push(fact) };
  return { sink: await kafkaSink.create(config, context), facts };
}
