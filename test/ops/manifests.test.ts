import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { rootSettings } from '../../src/config/root-settings.ts';
import type { Tree } from './support.ts';
import { Bench, read, yamlDocuments } from './support.ts';

const folder = 'manifests/zmq-listener';
const listener = yamlDocuments(`${folder}/deploy_listener.yaml`);
const [simulator] = yamlDocuments(`${folder}/deploy_simulator.yaml`);
const [vllm] = yamlDocuments(`${folder}/deploy_vllm.yaml`);

function ofKind(kind: string): Tree {
  const found = listener.filter((document) => document.at('kind').value === kind);
  expect(found).toHaveLength(1);
  return found[0] as Tree;
}

function podOf(deployment: Tree | undefined): Tree {
  expect(deployment?.at('kind').value).toBe('Deployment');
  return (deployment as Tree).at('spec', 'template', 'spec');
}

function containerOf(deployment: Tree | undefined): Tree {
  return podOf(deployment).at('containers', 0);
}

function variable(container: Tree, name: string): Tree | undefined {
  return container.at('env').items.find((entry) => entry.at('name').value === name);
}

describe('deploy_listener.yaml', () => {
  const deployment = ofKind('Deployment');
  const pod = podOf(deployment);
  const container = containerOf(deployment);

  it('has the Service that engines dial: headless, port zmq, found even while a sink is away', () => {
    const service = ofKind('Service');
    expect(service.at('metadata', 'name').value).toBe('zmq-listener-service');
    expect(service.at('spec', 'clusterIP').value).toBe('None');
    expect(service.at('spec', 'publishNotReadyAddresses').value).toBe(true);
    expect(service.at('spec', 'ports').value).toEqual([
      { name: 'zmq', port: 5557, targetPort: 'zmq', protocol: 'TCP' },
    ]);
  });

  it('selects exactly the pods of the Deployment', () => {
    const labels = deployment.at('spec', 'template', 'metadata', 'labels').value;
    expect(deployment.at('metadata', 'name').value).toBe('zmq-listener');
    expect(labels).toEqual({ app: 'zmq-listener' });
    expect(deployment.at('spec', 'selector', 'matchLabels').value).toEqual(labels);
    expect(ofKind('Service').at('spec', 'selector').value).toEqual(labels);
  });

  it('never runs two bridges at once', () => {
    expect(deployment.at('spec', 'replicas').value).toBe(1);
    expect(deployment.at('spec', 'strategy').value).toEqual({ type: 'Recreate' });
  });

  it('keeps ZMQ_PORT as the two lines that people edit', () => {
    expect(read(`${folder}/deploy_listener.yaml`)).toMatch(/^ *- name: ZMQ_PORT\n *value: "5557"$/m);
    const ports = container.at('ports').items.map((port) => [port.at('name').value, port.at('containerPort').value]);
    expect(ports).toEqual([
      ['zmq', 5557],
      ['http', 8080],
    ]);
  });

  it('prints events to its log by default and offers Redis and Kafka as comments', () => {
    const config = ofKind('ConfigMap');
    expect(config.at('data', 'SINKS').value).toBe('stdout');
    expect(config.at('data').keys.filter((key) => /REDIS|KAFKA/.test(key))).toEqual([]);
    expect(container.at('envFrom').value).toEqual([{ configMapRef: { name: config.at('metadata', 'name').value } }]);
    const text = read(`${folder}/deploy_listener.yaml`);
    for (const line of ['SINKS: stdout,redis,kafka', 'REDIS_URL: ', 'KAFKA_BROKERS: '])
      expect(text).toContain(`  # ${line}`);
  });

  it('names the image that make builds, and does not ask a registry for it when it is there', () => {
    expect(container.at('image').value).toBe('zmq-listener:latest');
    expect(container.at('imagePullPolicy').value).toBe('IfNotPresent');
  });

  it('has the resources of its predecessor', () => {
    expect(container.at('resources').value).toEqual({
      requests: { cpu: '100m', memory: '256Mi' },
      limits: { cpu: '500m', memory: '512Mi' },
    });
  });

  it('is alive by /livez and ready by /readyz', () => {
    const path = (probe: string) => container.at(probe, 'httpGet').value;
    expect(path('startupProbe')).toEqual({ path: '/livez', port: 'http' });
    expect(path('livenessProbe')).toEqual({ path: '/livez', port: 'http' });
    expect(path('readinessProbe')).toEqual({ path: '/readyz', port: 'http' });
  });

  it('fits the restricted Pod Security Standard', () => {
    expect(pod.at('securityContext').value).toEqual({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.at('securityContext').value).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.at('automountServiceAccountToken').value).toBe(false);
  });

  it('gets no variables from other Services: REDIS_PORT would be taken for a setting', () => {
    expect(pod.at('enableServiceLinks').value).toBe(false);
  });

  it('has more time to end than the bridge has to drain', () => {
    const seconds = Number(pod.at('terminationGracePeriodSeconds').value);
    expect(seconds * 1_000).toBeGreaterThan(rootSettings.drainTimeout.default + 10_000);
  });
});

describe('engines', () => {
  it('the simulator publishes to the listener under its own address', () => {
    const container = containerOf(simulator);
    expect(simulator?.at('metadata', 'name').value).toBe('sim');
    expect(container.at('image').text).toMatch(/^ghcr\.io\/llm-d\/llm-d-inference-sim:v\d+\.\d+\.\d+$/);
    const args = container.at('args').items.map((item) => item.text);
    expect(args).toContain('--zmq-endpoint=tcp://zmq-listener-service:5557');
    expect(args).toContain('--enable-kvcache=true');
    expect(args).toContain('--model=Qwen/Qwen3-0.6B');
    expect(variable(container, 'POD_IP')?.at('valueFrom', 'fieldRef', 'fieldPath').value).toBe('status.podIP');
  });

  it('vLLM is started with a configuration that its shell turns into JSON', () => {
    const container = containerOf(vllm);
    const [script] = container.at('args').items;
    expect(container.at('command').value).toEqual(['/bin/sh', '-c']);
    expect(variable(container, 'POD_IP')?.at('valueFrom', 'fieldRef', 'fieldPath').value).toBe('status.podIP');
    const bench = new Bench(['sh']).standIn('vllm', 'for arg in "$@"; do echo "$arg"; done');
    const { stdout } = spawnSync('/bin/sh', ['-c', script?.text ?? ''], {
      env: { PATH: `${bench.folder}/bin`, POD_IP: '10.0.0.7' },
      encoding: 'utf8',
    });
    const args = stdout.trim().split('\n');
    expect(args.slice(0, 2)).toEqual(['serve', 'Qwen/Qwen3-0.6B']);
    expect(JSON.parse(args[args.indexOf('--kv-events-config') + 1] ?? '')).toEqual({
      enable_kv_cache_events: true,
      publisher: 'zmq',
      endpoint: 'tcp://zmq-listener-service:5557',
      topic: 'kv@10.0.0.7@Qwen/Qwen3-0.6B',
      replay_endpoint: 'tcp://*:5558',
    });
    expect(read(`${folder}/deploy_vllm.yaml`)).toMatch(/kv@\$\{POD_IP\}@Qwen\/Qwen3-0\.6B/);
  });

  it.each([
    ['simulator', simulator],
    ['vllm', vllm],
  ])('the selector of %s matches its pods', (_, deployment) => {
    const labels = deployment?.at('spec', 'template', 'metadata', 'labels').value;
    expect(deployment?.at('spec', 'selector', 'matchLabels').value).toEqual(labels);
  });
});
