import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.ts';
import { deliverySettings, laneSettings } from '../../../src/core/lane-settings.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { isSetting } from '../../../src/core/settings.ts';
import { quietKafkajs } from '../../../src/sinks/kafka/quiet.ts';
import { checkKafka, kafkaSettings } from '../../../src/sinks/kafka/settings.ts';
import { Topics } from '../../../src/sinks/kafka/target.ts';
import { kafkaSink } from '../../../src/sinks/kafka.ts';
import { testStream } from '../../support/batches.ts';
import type { KafkaOverrides } from '../../support/kafka-sink.ts';
import { kafkaConfig } from '../../support/kafka-sink.ts';

describe('the settings of the Kafka sink', () => {
  it('are fine as they are', () => {
    expect(() => kafkaSink.check?.(kafkaConfig())).not.toThrow();
  });

  const refused: readonly [string, KafkaOverrides, RegExp][] = [
    ['a broker without a port', { brokers: ['kafka'] }, /kafka\.brokers: "kafka" is not host:port/],
    ['an IPv6 address as broker', { brokers: ['[::1]:9092'] }, /use a host name/],
    ['port 0', { brokers: ['kafka:0'] }, /kafka\.brokers/],
    [
      'a mechanism without a password',
      { sasl: { mechanism: 'plain', username: 'a' } },
      /plain needs kafka\.sasl\.username/,
    ],
    ['a password without a mechanism', { sasl: { username: 'a', password: 'b' } }, /kafka\.sasl\.mechanism/],
    ['oauthbearer without a token', { sasl: { mechanism: 'oauthbearer' } }, /either tokenFile or tokenUrl/],
    [
      'a token URL that is none',
      { sasl: { mechanism: 'oauthbearer', oauth: { tokenUrl: 'login.example', clientId: 'a', clientSecret: 'b' } } },
      /not an http/,
    ],
    [
      'a token URL without a client',
      { sasl: { mechanism: 'oauthbearer', oauth: { tokenUrl: 'https://login.example' } } },
      /needs clientId/,
    ],
    ['TLS files without TLS', { tls: { ca: '/ca.pem' } }, /kafka\.tls\.ca is set, but kafka\.tls\.enabled is false/],
    ['a certificate without its key', { tls: { enabled: true, cert: '/c.pem' } }, /cert and key belong together/],
    ['a topic with a space', { topic: 'kv events' }, /Kafka allows no " "/],
    ['a topic that a publisher would name', { topic: '{model}' }, /must begin with literal text/],
    ['a topic that is too long', { topic: 'x'.repeat(250) }, /249/],
    ['the dead letters as topic', { topic: 'kv-events.dead-letter' }, /reserved/],
    ['the dead letters as checkpoints', { checkpointTopic: 'kv-events.dead-letter' }, /kafka\.checkpointTopic/],
    ['exactly-once without idempotence', { delivery: 'exactly-once', idempotent: false }, /kafka\.idempotent/],
    ['the checkpoints as topic', { topic: 'kv-events.checkpoints' }, /reserved/],
  ];
  it.each(refused)('refuse %s', (_, overrides, message) => {
    const check = () => kafkaSink.check?.(kafkaConfig(overrides));
    expect(check).toThrow(ConfigError);
    expect(check).toThrow(message);
  });

  it('refuse zstd where Node.js has none, naming the version that has it', () => {
    const config = kafkaConfig({ compression: 'zstd' });
    expect(() => checkKafka(config, false)).toThrow(/kafka\.compression: zstd needs Node\.js 22\.15/);
    expect(() => checkKafka(config, true)).not.toThrow();
  });

  it('all stand in the documentation with their defaults', () => {
    const docs = readFileSync(new URL('../../../docs/sinks/kafka.md', import.meta.url), 'utf8');
    const rows = [...docs.matchAll(/^\| `kafka\.([\w.]+)` \| (.*?) \| (.*) \|$/gm)];
    expect(rows.map(([, key, value, doc]) => [key, value, doc])).toEqual(rowsOf(kafkaSettings, ''));
  });
});

function rowsOf(settings: Settings, path: string): string[][] {
  return Object.entries(settings).flatMap(([key, value]) => {
    if (!isSetting(value)) return rowsOf(value, `${path}${key}.`);
    if (path === '' && (key in laneSettings || key in deliverySettings)) return [];
    const text = value.default === null || value.default === '' ? 'not set' : `\`${value.default}\``;
    return [[`${path}${key}`, text, value.doc]];
  });
}

describe('the topic of a stream', () => {
  const topics = (topic: string) => new Topics({ topic, deadLetterTopic: 'mine', checkpointTopic: 'mine.checkpoints' });
  const stream = testStream('10.0.0.5:8000');

  it('replaces what Kafka does not allow', () => {
    expect(topics('kv-events-{pod}-{model}').topicOf(stream)).toBe('kv-events-10.0.0.5_8000-Qwen_Qwen3-0.6B');
  });

  it('is at most 249 characters long', () => {
    const topic = topics('kv-events-{model}').topicOf({ ...stream, model: 'ü'.repeat(300) });
    expect(topic).toBe(`kv-events-${'_'.repeat(239)}`);
  });

  it.each([
    'kv-events.dead-letter',
    'kv-events.checkpoints',
    '.',
    '..',
    '__consumer_offsets',
    'mine',
    'mine.checkpoints',
  ])('may not become %s', (topic) => {
    expect(topics('kv{pod}').isReserved(topic)).toBe(true);
  });
});

describe('the mended request queue of kafkajs', () => {
  it('arms no timer while nothing waits, and one while something does', () => {
    quietKafkajs();
    quietKafkajs();
    const Queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue');
    const queue = new Queue({
      requestTimeout: 1_000,
      enforceRequestTimeout: true,
      clientId: 'x',
      broker: 'b',
      logger: {},
    });
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBeNull();
    queue.pending.push({});
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).not.toBeNull();
    queue.destroy();
  });
});
