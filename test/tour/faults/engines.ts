import { expect } from 'vitest';
import type { SourceStatus } from '../../../src/core/status.ts';
import { waitFor } from '../../support/services/service.ts';
import type { Fault } from '../fault.ts';
import { dialled, framesArrive } from '../scenes.ts';

const troubleOf = (source: SourceStatus | undefined) =>
  source?.last_trouble && { reason: source.last_trouble.reason, message: source.last_trouble.message };

export const wrongPort: Fault = {
  name: 'wrong port',
  broken: 'The bridge dials 5558, where the engine answers replays, and not 5557, where it publishes.',
  stage: (stage) =>
    dialled(stage, { source: (port) => ({ connect: `tcp://127.0.0.1:${port + 1}`, replay: undefined }) }),
  status: {
    shows: ({ sources: [source] }) => ({ peers: source?.peers, trouble: troubleOf(source) }),
    is: { peers: 0, trouble: { reason: 'rejected', message: expect.stringContaining('ROUTER') } },
  },
  readiness: 'ready',
  page: { selector: '#sources tbody tr', shows: /rejected.*ROUTER/ },
  doctor: { exitCode: 1, codes: ['replay-port', 'publisher-nearby'], verdict: /No events.*ROUTER/ },
  alert: {
    name: 'KvEventBridgeConnectionTroubles',
    labels: { source: 'engine', reason: 'rejected' },
    summary: /Connections of source engine fail \(rejected\)/,
  },
};

export const wrongTopic: Fault = {
  name: 'wrong topic filter',
  broken: 'The source asks for topics that begin with "kv@pod-9"; the engine publishes under "kv@pod-0@...".',
  stage: async (stage) => {
    const scene = await dialled(stage, { source: () => ({ topics: ['kv@pod-9'] }) });
    const peers = () => scene.bridge.metric('kv_event_bridge_source_peers');
    await waitFor(async () => (await peers()) === 1, { what: 'the engine is connected' });
    return scene;
  },
  status: {
    shows: ({ sources: [source] }) => ({ peers: source?.peers, topics: source?.topics, frames: source?.frames }),
    is: { peers: 1, topics: ['kv@pod-9'], frames: 0 },
  },
  readiness: 'ready',
  page: { selector: '#empty', shows: /connected, and none has sent anything.*topics that begin with.*kv@pod-9/s },
  doctor: { exitCode: 1, codes: ['topic-filter'], verdict: /kv@pod-9|no frame/ },
  alert: {
    name: 'KvEventBridgeSourceSilent',
    labels: { source: 'engine' },
    summary: /engine has peers but receives no frames/,
  },
};

export const deadEngine: Fault = {
  name: 'dead engine',
  broken: 'The engine was killed (kill -9) while it published.',
  stage: async (stage) => {
    const scene = await dialled(stage, {});
    await framesArrive(scene);
    await scene.engine.stop('SIGKILL');
    return scene;
  },
  status: {
    shows: ({ sources: [source] }) => ({ peers: source?.peers, trouble: troubleOf(source) }),
    is: { peers: 0, trouble: { reason: 'unreachable', message: expect.stringContaining('ECONNREFUSED') } },
  },
  readiness: 'ready',
  page: { selector: '#sources tbody tr', shows: /unreachable.*ECONNREFUSED/ },
  doctor: { exitCode: 1, codes: ['port-closed'], verdict: /No events.*(refused|ECONNREFUSED)/ },
  alert: {
    name: 'KvEventBridgeNoPeers',
    labels: { source: 'engine' },
    summary: /No engine is connected to source engine/,
  },
};

export const clockSkew: Fault = {
  name: 'clock skew',
  broken: 'The clock of the engine is 30 s ahead.',
  stage: async (stage) => {
    const scene = await dialled(stage, { engine: ['--clock-skew', '30s'] });
    await framesArrive(scene);
    return scene;
  },
  status: {
    shows: ({ sources: [source] }) => ({ clock_skew_seconds: source?.clock_skew_seconds }),
    is: { clock_skew_seconds: expect.closeTo(-30, 0) },
  },
  readiness: 'ready',
  page: { selector: '#sources tbody tr', shows: /−(29|30) s/ },
  doctor: { exitCode: 0, codes: ['clock-skew', 'bridge-clock-skew'], verdict: /ahead of/ },
  alert: { name: 'KvEventBridgeClockSkew', labels: { source: 'engine' }, summary: /clock/i },
};
