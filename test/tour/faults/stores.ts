import { expect } from 'vitest';
import type { Status } from '../../../src/core/status.ts';
import { waitFor } from '../../support/services/service.ts';
import type { Fault } from '../fault.ts';
import { dialledIn } from '../scenes.ts';

const sinkOf = ({ sinks: [sink] }: Status) => ({ state: sink?.state, code: sink?.code, message: sink?.message });

export const fullRedis: Fault = {
  name: 'full Redis',
  broken: 'Redis has reached maxmemory, and its policy is noeviction.',
  stage: async (stage) => {
    const redis = await stage.redis();
    const env = { SINKS: 'redis', REDIS_URL: redis.url };
    const { zmqPort, ...scene } = await dialledIn(stage, env);
    await waitFor(async () => (await redis.admin.xlen('kv-events')) > 0, { what: 'records arrive in Redis' });
    await redis.admin.config('SET', 'maxmemory-policy', 'noeviction');
    await redis.admin.config('SET', 'maxmemory', '100kb');
    return { ...scene, ports: { 5557: zmqPort, 6379: redis.port } };
  },
  status: {
    shows: sinkOf,
    is: { state: 'down', code: 'OOM', message: expect.stringContaining('raise maxmemory') },
  },
  readiness: /sink redis: .*OOM.*raise maxmemory/,
  page: { selector: '#sinks .message', shows: /OOM: .*raise maxmemory/ },
  doctor: { exitCode: 1, codes: ['bridge-not-ready', 'redis-memory-full'], verdict: /OOM|maxmemory/ },
  alert: {
    name: 'KvEventBridgeSinkRefused',
    labels: { sink: 'redis', code: 'OOM', class: 'destination' },
    summary: /sink redis refuses the bridge \(OOM\)/,
  },
};

export const wrongPassword: Fault = {
  name: 'wrong password',
  broken: 'The password that the bridge has for Redis is not the one that Redis wants.',
  stage: async (stage) => {
    const redis = await stage.redis({ password: 'the-right-one' });
    const env = { SINKS: 'redis', REDIS_URL: redis.url, REDIS_PASSWORD: 'not-the-right-one' };
    const { zmqPort, ...scene } = await dialledIn(stage, env);
    return { ...scene, ports: { 5557: zmqPort, 6379: redis.port } };
  },
  status: {
    shows: sinkOf,
    is: { state: 'down', code: 'WRONGPASS', message: expect.stringContaining('redis.password') },
  },
  readiness: /sink redis: .*WRONGPASS.*redis\.password/,
  page: { selector: '#sinks .message', shows: /WRONGPASS: .*redis\.password/ },
  doctor: { exitCode: 1, codes: ['bridge-not-ready', 'redis-login'], verdict: /WRONGPASS|password/i },
  alert: {
    name: 'KvEventBridgeSinkRefused',
    labels: { sink: 'redis', code: 'WRONGPASS', class: 'destination' },
    summary: /sink redis refuses the bridge \(WRONGPASS\)/,
  },
};

export const missingTopic: Fault = {
  name: 'missing topic',
  broken: 'The topic kv-events does not exist in Kafka, which creates none by itself, and kafka.createTopics is false.',
  stage: async (stage) => {
    const kafka = await stage.kafka;
    const env = { SINKS: 'kafka', KAFKA_BROKERS: kafka.brokers.join() };
    const { zmqPort, ...scene } = await dialledIn(stage, env);
    return { ...scene, ports: { 5557: zmqPort, 9092: kafka.port } };
  },
  status: {
    shows: sinkOf,
    is: { state: 'down', message: expect.stringContaining('kv-events') },
  },
  readiness: /sink kafka: .*kv-events/,
  page: { selector: '#sinks .message', shows: /UNKNOWN_TOPIC_OR_PARTITION: topic "kv-events" does not exist/ },
  doctor: { exitCode: 1, codes: ['bridge-not-ready', 'kafka-topic-missing'], verdict: /kv-events/ },
  alert: {
    name: 'KvEventBridgeSinkRefused',
    labels: { sink: 'kafka', class: 'destination' },
    summary: /sink kafka refuses the bridge/,
  },
};
