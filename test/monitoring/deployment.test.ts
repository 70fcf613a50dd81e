import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rootSettings } from '../../src/config/root-settings.ts';
import type { Tree } from '../ops/support.ts';
import { read, root, yamlDocuments } from '../ops/support.ts';
import { rulesFile } from './support.ts';

function only(path: string): Tree {
  const [document, ...others] = yamlDocuments(path);
  if (document === undefined || others.length > 0) throw new Error(`${path} is not one document`);
  return document;
}

const services = only('docker-compose.yml').at('services');
const prometheus = only('monitoring/prometheus/prometheus.yml');

/** What a service sees of this folder: path there → path here. */
function mounts(service: string): Map<string, string> {
  const volumes = services.at(service, 'volumes').items.map(({ text }) => text.split(':'));
  const own = volumes.filter(([from]) => from?.startsWith('./'));
  for (const [from, , mode] of own) expect([from, mode]).toEqual([from, 'ro']);
  return new Map(own.map(([from = '', to = '']) => [to, from]));
}

describe('the compose profile observability', () => {
  it('is what starts by default, with Prometheus and Grafana', () => {
    const inProfile = (profile: string) =>
      services.keys.filter((name) => (services.at(name, 'profiles').value as string[]).includes(profile)).sort();
    expect(inProfile('observability')).toEqual([...inProfile('all'), 'grafana', 'prometheus'].sort());
  });

  it.each(['prometheus', 'grafana'])('%s has no rights, a version, a limit and a health check', (name) => {
    const service = services.at(name);
    expect(service.at('image').text).toMatch(/:v?\d+\.\d+\.\d+$/);
    expect(service.at('user').text).toMatch(/^[1-9]\d*:\d+$/);
    expect(service.at('read_only').value).toBe(true);
    expect(service.at('cap_drop').value).toEqual(['ALL']);
    expect(service.at('security_opt').value).toEqual(['no-new-privileges:true']);
    expect(service.at('mem_limit').text).toMatch(/^\d+m$/);
    expect(service.at('healthcheck', 'test', 0).value).toBe('CMD');
  });

  it.each(['prometheus', 'grafana'])('%s is given only files that are there', (name) => {
    const here = [...mounts(name).values()];
    expect(here.length).toBeGreaterThan(0);
    expect(here.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('Prometheus asks the bridge where it answers, with the rules of this folder', () => {
    const config = services.at('prometheus', 'command', 0).text.replace('--config.file=', '');
    expect(join(mounts('prometheus').get('/etc/prometheus') ?? '', 'prometheus.yml')).toBe(
      'monitoring/prometheus/prometheus.yml',
    );
    expect(config).toBe('/etc/prometheus/prometheus.yml');
    expect(prometheus.at('rule_files').value).toEqual([rulesFile.replace('monitoring/prometheus/', '')]);
    const port = services.at('bridge', 'environment', 'HTTP_PORT');
    expect(prometheus.at('scrape_configs', 0, 'static_configs', 0, 'targets').value).toEqual([`bridge:${port.text}`]);
  });

  it('Grafana asks this Prometheus and shows this dashboard', () => {
    const [source] = only('monitoring/grafana/provisioning/datasources/prometheus.yaml').at('datasources').items;
    expect(source?.at('url').value).toBe('http://prometheus:9090');
    expect(source?.at('jsonData', 'timeInterval').value).toBe(prometheus.at('global', 'scrape_interval').value);
    const [provider] = only('monitoring/grafana/provisioning/dashboards/dashboards.yaml').at('providers').items;
    const file = `${provider?.at('options', 'path').text}/dashboard.json`;
    expect(mounts('grafana').get(file)).toBe('./monitoring/grafana/dashboard.json');
    expect(services.at('grafana', 'environment', 'GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH').value).toBe(file);
  });

  it('gives nobody a Grafana account that could change anything', () => {
    expect(services.at('grafana', 'environment').value).toMatchObject({
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
      GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
    });
  });
});

describe('a bridge that was fenced stays long enough for a scrape', () => {
  const monitor = only('manifests/zmq-listener/monitoring/podmonitor.yaml');
  it.each([
    ['prometheus.yml', prometheus.at('global', 'scrape_interval').text],
    ['podmonitor.yaml', monitor.at('spec', 'podMetricsEndpoints', 0, 'interval').text],
  ])('%s', (_, interval) => {
    const [, seconds] = /^(\d+)s$/.exec(interval) ?? [];
    expect(Number(seconds) * 1_000).toBeLessThan(rootSettings.leaseTtl.default);
  });
});

describe('manifests/zmq-listener/monitoring', () => {
  const folder = 'manifests/zmq-listener/monitoring';
  const deployment = yamlDocuments('manifests/zmq-listener/deploy_listener.yaml').find(
    (document) => document.at('kind').value === 'Deployment',
  ) as Tree;
  const pod = deployment.at('spec', 'template');

  it('scrapes the pods of the Deployment at a port they have', () => {
    const monitor = only(`${folder}/podmonitor.yaml`);
    expect(monitor.at('spec', 'selector', 'matchLabels').value).toEqual(pod.at('metadata', 'labels').value);
    const endpoint = monitor.at('spec', 'podMetricsEndpoints', 0);
    const ports = pod.at('spec', 'containers', 0, 'ports').items.map((port) => port.at('name').value);
    expect(ports).toContain(endpoint.at('port').value);
    expect(endpoint.at('path').value).toBe('/metrics');
  });

  it('says the same to a Prometheus without the operator', () => {
    expect(pod.at('metadata', 'annotations').value).toEqual({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': pod.at('spec', 'containers', 0, 'env', 1, 'value').text,
      'prometheus.io/path': '/metrics',
    });
  });

  it('has the rules of this project, letter by letter', () => {
    const rule = only(`${folder}/prometheusrule.yaml`);
    expect(rule.at('kind').value).toBe('PrometheusRule');
    expect(rule.at('spec').value).toEqual(only(rulesFile).value);
  });

  it('is applied by nobody who did not ask for it', () => {
    expect(read('Makefile')).not.toContain('/monitoring');
    expect(read('Makefile')).not.toMatch(/--filename \$\(MANIFESTS\)\s/);
  });
});
