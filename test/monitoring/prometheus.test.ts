import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bridge, Program } from '../e2e/bridge.ts';
import { freePorts } from '../support/ports.ts';
import { Prometheus } from '../support/services/prometheus.ts';
import { waitFor } from '../support/services/service.ts';
import type { Query } from './support.ts';
import { dashboard, queries } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-monitoring-'));
const running: { stop(): Promise<unknown> }[] = [];

function track<T extends { stop(): Promise<unknown> }>(started: T): T {
  running.push(started);
  return started;
}

afterAll(async () => {
  await Promise.all(running.map((each) => each.stop()));
  rmSync(folder, { recursive: true, force: true });
});

const hostOf = (bridge: Bridge) => new URL(bridge.http ?? '').host;

/** Values that Grafana puts in: everything, and windows as short as this test. */
function substituted(expr: string): string {
  return expr
    .replaceAll(/\$(job|instance|source|sink)\b/g, '.*')
    .replaceAll('$__rate_interval', '3s')
    .replaceAll('$__range', '1m');
}

/** Queries that find nothing while all is well, by panel and legend, and what would have to happen. */
const mayFindNothing: Readonly<Record<string, string>> = {
  'Connection troubles: {{source}} {{reason}}': 'a connection fails',
  'Connection troubles: {{source}} given up': 'libzmq gives a connection up',
  'Undecodable: {{source}} {{reason}}': 'somebody sends what is no batch',
  'Errors and retries: {{sink}} {{class}} {{code}}': 'a write fails',
  'Errors and retries: {{sink}} retry {{code}}': 'a write fails',
  'Notes: {{sink}} {{code}}': 'a sink mends something',
};

const nameOf = ({ panel, legend }: Query) => `${panel}: ${legend}`;

describe('a Prometheus that scrapes a bridge in whose events a gap was', () => {
  let prometheus: Prometheus;
  let bridge: Bridge;

  beforeAll(async () => {
    const [port, replay] = [await freePorts(), await freePorts()];
    const config = join(folder, 'bridge.json');
    const engine = `tcp://127.0.0.1:${port}`;
    const source = { name: 'engine', connect: engine, replay: `tcp://127.0.0.1:${replay}` };
    // whenFull: drop, so that there is a setting that weakens the promise.
    const file = { dir: join(folder, 'records'), whenFull: 'drop' };
    writeFileSync(config, JSON.stringify({ sources: [source], sinks: ['file'], file }));
    bridge = track(await Bridge.start({ CONFIG: config }));
    prometheus = track(await Prometheus.start({ targets: [hostOf(bridge)] }));
    await waitFor(async () => (await prometheus.query('kv_event_bridge_build_info')).length === 1, {
      what: 'a scrape',
    });
    const args = ['--bind', engine, '--replay', source.replay, '--scenario', 'gap', '--rate', '50'];
    track(new Program('simulate', { args }));
    await waitFor(
      async () => ((await prometheus.query('sum(kv_event_bridge_stream_gaps_total)'))[0]?.value ?? 0) >= 2,
      {
        what: 'two gaps are scraped',
      },
    );
  }, 180_000);

  it.each(queries().map((query) => [nameOf(query), query] as const))('answers the query of %s', async (name, query) => {
    const find = async () =>
      (await prometheus.query(substituted(query.expr))).filter(({ value }) => !Number.isNaN(value));
    if (!(name in mayFindNothing)) await waitFor(async () => (await find()).length > 0, { what: `${name} has data` });
    const wanted = [...query.legend.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '');
    for (const { metric } of await find()) expect(Object.keys(metric)).toEqual(expect.arrayContaining(wanted));
  });

  it('has values for every variable', async () => {
    for (const { name, query } of dashboard().templating.list.slice(1)) {
      const text = (query as { query: string }).query;
      const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(text) ?? [];
      expect(await prometheus.labelValues(label, substituted(selector)), name).not.toEqual([]);
    }
  });

  it('evaluates every rule without an error', async () => {
    await waitFor(async () => (await prometheus.rules()).every(({ health }) => health !== 'unknown'), {
      what: 'evaluated',
    });
    const states = await prometheus.rules();
    expect(states.length).toBeGreaterThan(30);
    expect(states.filter(({ health }) => health !== 'ok')).toEqual([]);
  });

  it('fires for the gap at once, with its reason and a runbook, and for nothing that is not so', async () => {
    const firing = async () => (await prometheus.alerts()).filter(({ state }) => state === 'firing');
    const names = async () => (await firing()).map(({ labels }) => labels['alertname']);
    await waitFor(async () => (await names()).includes('KvEventBridgeGapLost'), { what: 'the gap alert fires' });
    const gap = (await firing()).find(({ labels }) => labels['alertname'] === 'KvEventBridgeGapLost');
    expect(gap?.labels).toMatchObject({ source: 'engine', reason: 'replay_truncated', severity: 'warning' });
    expect(gap?.annotations).toMatchObject({
      summary: 'Events of source engine are lost (replay_truncated).',
      runbook_url: 'docs/runbooks.md#kveventbridgegaplost',
    });
    const expected = ['KvEventBridgeGapLost', 'KvEventBridgePromiseWeakened', 'KvEventBridgeReplayFailing'];
    expect([...new Set(await names())].sort()).toEqual(expected);
  });

  it('finds nothing to explain in the list of what may find nothing', () => {
    const known = queries().map(nameOf);
    expect(Object.keys(mayFindNothing).filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('a Prometheus that scrapes a bridge without engines and without its store', () => {
  it('says both, and names the source and the sink', async () => {
    const env = {
      ZMQ_PORT: String(await freePorts()),
      SINKS: 'redis',
      REDIS_URL: `redis://127.0.0.1:${await freePorts()}`,
    };
    const bridge = track(await Bridge.start(env));
    const prometheus = track(await Prometheus.start({ targets: [hostOf(bridge)], impatient: true }));
    const summaries = async () => (await prometheus.alerts()).map(({ annotations }) => annotations['summary']);
    await waitFor(async () => (await summaries()).length >= 2, { what: 'alerts fire' });
    await waitFor(
      async () => {
        expect(await summaries()).toEqual(
          expect.arrayContaining(['No engine is connected to source zmq.', 'The sink redis takes no records.']),
        );
        return true;
      },
      { what: 'both are said' },
    );
  });
});
