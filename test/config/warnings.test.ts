import { describe, expect, it } from 'vitest';
import { load, loadYaml } from './support.ts';

describe('a warning', () => {
  it.each([
    [{ LISTENER_PORT: '5557' }, /^LISTENER_PORT is set but not read: the bridge reads ZMQ_PORT .*default/],
    [
      { LAMP_PASWORD: 'hidden' },
      /^the environment variable LAMP_PASWORD names no setting and is not read; did you mean LAMP_PASSWORD/,
    ],
    [{ LAMP_URL_FILE: '/x' }, /LAMP_URL_FILE names no setting/],
    [{ ZMQ_PROT: '5557' }, /ZMQ_PROT .*did you mean ZMQ_PORT\?/],
    [{ LOG_FORMAT: 'x' }, /LOG_FORMAT/],
    [{ LAMP_SOMETHING_ELSE: 'x' }, /LAMP_SOMETHING_ELSE .*docs\/configuration\.md/],
  ])('for %j', async (env, pattern) => {
    const { warnings } = await load({ env });
    expect(warnings).toEqual([expect.stringMatching(pattern)]);
    expect(warnings.join()).not.toContain('hidden');
  });

  it.each([
    ['env ZMQ_PORT', { env: { ZMQ_PORT: '6000' } }],
    ['flag --zmq-port', { flags: { 'zmq-port': '6000' } }],
  ])('says that zmq.port (%s) is not read beside sources', async (origin, layers) => {
    const { warnings, config } = await loadYaml('sources: [{ name: a, bind: "tcp://*:7000" }]', layers);
    expect(warnings).toEqual([expect.stringContaining(`zmq.port (${origin}) is not read`)]);
    expect(config.sources).toHaveLength(1);
  });

  it('says that replay.endpoint is not read beside sources', async () => {
    const env = { REPLAY_ENDPOINT: 'tcp://{pod_host}:5558' };
    const { warnings } = await loadYaml('sources: [{ name: a, bind: "tcp://*:7000" }]', { env });
    expect(warnings).toEqual([
      expect.stringMatching(/^replay\.endpoint \(env REPLAY_ENDPOINT\) is not read, .* write its endpoint into/),
    ]);
  });

  it('is not given for what is read, nor for what is plainly not meant for the bridge', async () => {
    const env = {
      ZMQ_PORT: '6000',
      LAMP_PASSWORD: 'x',
      HTTP_PROXY: 'http://proxy:3128',
      HOME: '/root',
      LAMPION: 'x',
      ZMQ: 'x',
      LOG_LEVEL: 'warn',
      LOG_UNSET: undefined,
    };
    expect((await load({ env })).warnings).toEqual([]);
  });

  it('is not given for what Kubernetes sets for Services', async () => {
    const env = {
      LAMP_SERVICE_HOST: '10.0.0.1',
      LAMP_SERVICE_PORT: '6379',
      LAMP_SERVICE_PORT_TCP_LAMP: '6379',
      LAMP_PORT: 'tcp://10.0.0.1:6379',
      LAMP_PORT_6379_TCP: 'tcp://10.0.0.1:6379',
      LAMP_PORT_6379_TCP_PROTO: 'tcp',
      LAMP_PORT_6379_TCP_PORT: '6379',
      LAMP_PORT_6379_TCP_ADDR: '10.0.0.1',
      LAMP_HEADLESS_PORT: 'tcp://10.0.0.1:6379',
      ZMQ_LISTENER_SERVICE_SERVICE_HOST: '10.0.0.2',
      ZMQ_LISTENER_SERVICE_PORT: 'tcp://10.0.0.2:5557',
      ZMQ_LISTENER_SERVICE_PORT_5557_TCP_ADDR: '10.0.0.2',
      ZMQ_LISTENER_SERVICE_SERVICE_PORT_ZMQ: '5557',
      LISTENER_PORT: 'tcp://10.0.0.2:5557',
    };
    const { warnings, config } = await load({ env });
    expect(warnings).toEqual([]);
    expect(config.sources[0]?.endpoint).toBe('tcp://*:5557');
  });
});
