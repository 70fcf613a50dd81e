import { describe, expect, it } from 'vitest';
import { shown } from '../../src/config/mask.ts';
import { load, loadYaml, tempFile } from './support.ts';

describe('loadConfig', () => {
  it('needs nothing: defaults give one bound source and stdout', async () => {
    const { config, warnings, origins } = await load({});
    expect(config).toEqual({
      name: 'kv-event-bridge',
      sources: [
        {
          name: 'zmq',
          transport: 'auto',
          mode: 'bind',
          endpoint: 'tcp://*:5557',
          topics: [],
          dataParallelSize: 1,
          sequenceScope: 'rank',
          identity: 'auto',
          receiveHighWaterMark: 1_000,
          heartbeatInterval: 5_000,
          heartbeatTimeout: 15_000,
          maxFrameBytes: 16_777_216,
          security: { mechanism: 'NULL' },
          replay: null,
        },
      ],
      sinks: ['stdout'],
      sinkConfigs: { stdout: { level: null } },
      replay: {
        allow: [],
        idleTimeout: 2_000,
        budget: 120_000,
        cooldown: 30_000,
        pause: 200,
        concurrency: 8,
        maxBytes: 16_777_216,
        heldBytes: 16_777_216,
      },
      maxStreams: 10_000,
      streamTtl: 86_400_000,
      drainTimeout: 20_000,
      standby: false,
      onFenced: 'exit',
      leaseTtl: 10_000,
      checkpointWait: 30_000,
      degradedAfter: 30_000,
      http: { port: 8_080, host: '::', tokens: false },
      log: { level: 'info' },
    });
    expect(warnings).toEqual([]);
    expect(new Set(origins.values())).toEqual(new Set(['default']));
  });

  it('lets flags win over the environment, that over the file, that over defaults, and knows where each came from', async () => {
    const yaml = 'name: a\nmaxStreams: 1\ndrainTimeout: 1s\nlog: { level: debug }\n';
    const env = { BRIDGE_NAME: 'b', MAX_STREAMS: '2', DRAIN_TIMEOUT: '2s' };
    const { config, origins, effective } = await loadYaml(yaml, { env, flags: { name: 'c', 'max-streams': '3' } });
    expect(config).toMatchObject({
      name: 'c',
      maxStreams: 3,
      drainTimeout: 2_000,
      log: { level: 'debug' },
      streamTtl: 86_400_000,
    });
    expect(origins.get('name')).toBe('flag --name');
    expect(origins.get('drainTimeout')).toBe('env DRAIN_TIMEOUT');
    expect(origins.get('log.level')).toMatch(/^file .*bridge\.yaml$/);
    expect(origins.get('streamTtl')).toBe('default');
    expect(effective.map(({ leaf }) => leaf.path)).toEqual([...origins.keys()]);
  });

  it('reads the file that CONFIG names, unless a flag names another', async () => {
    const env = { CONFIG: tempFile('env.yaml', 'name: from-env') };
    expect((await load({ env })).config.name).toBe('from-env');
    expect((await loadYaml('name: from-flag', { env })).config.name).toBe('from-flag');
  });

  it('reads JSON, also with tabs', async () => {
    const file = tempFile(
      'bridge.json',
      '{\n\t"name": "j",\n\t"zmq": {\n\t\t"port": 7001,\n\t\t"topics": ["kv@"]\n\t}\n}\n',
    );
    expect((await load({ file })).config).toMatchObject({
      name: 'j',
      sources: [{ endpoint: 'tcp://*:7001', topics: ['kv@'] }],
    });
  });

  it.each(['', '# nothing but comments\n', '{}'])('takes a file without content: %j', async (content) => {
    expect((await loadYaml(content)).config.name).toBe('kv-event-bridge');
  });

  it('gives only the sections of enabled sinks, typed as their settings say', async () => {
    const env = {
      SINKS: 'lamp',
      LAMP_IS_ON: 'true',
      LAMP_NODES: 'a:1, b:2',
      LAMP_LANE_BYTES: '1MiB',
      LAMP_DEPTH_INNER_TOKEN: 't',
    };
    const { config, origins } = await load({ env });
    expect(Object.keys(config.sinkConfigs)).toEqual(['lamp']);
    expect(config.sinkConfigs['lamp']).toMatchObject({
      isOn: true,
      nodes: ['a:1', 'b:2'],
      laneBytes: 1_048_576,
      password: null,
      colour: 'red',
      depth: { inner: { token: 't' } },
    });
    expect([...origins.keys()].filter((path) => path.startsWith('stdout.'))).toEqual([]);
  });

  it('freezes all of it', async () => {
    const { config } = await load({ env: { SINKS: 'lamp' } });
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(config)).toBe(true);
  });

  it('keeps two configurations apart: one load leaves nothing for the next', async () => {
    await load({ env: { ZMQ_TOPICS: 'x', LAMP_PASSWORD: 'p', SINKS: 'lamp' } });
    const { config } = await load({ env: { SINKS: 'lamp' } });
    expect(config.sources[0]?.topics).toEqual([]);
    expect(config.sinkConfigs['lamp']).toMatchObject({ password: null });
  });

  it('reads a secret from the file that <NAME>_FILE names, without its last line break', async () => {
    const secret = tempFile('secret', 'pass word\n\n');
    const { config, origins } = await load({ env: { SINKS: 'lamp', LAMP_PASSWORD_FILE: secret } });
    expect(config.sinkConfigs['lamp']).toMatchObject({ password: 'pass word\n' });
    expect(origins.get('lamp.password')).toBe('env LAMP_PASSWORD_FILE');
  });

  it('lets a text be empty, and only a text', async () => {
    const yaml = 'sinks: [lamp]\nlamp: { colour: green, label: x }\n';
    const { config } = await loadYaml(yaml, { env: { LAMP_LABEL: '' } });
    expect(config.sinkConfigs['lamp']).toMatchObject({ label: '' });
  });

  it('shows values on one line, as people write them', async () => {
    const env = { SINKS: 'stdout,lamp', LAMP_COLOUR: 'green', LAMP_LABEL: 'a\nb', LAMP_URL: 'lamp://u:p@h' };
    const { effective } = await load({ env });
    const lines = new Map(effective.map(({ leaf, value }) => [leaf.path, shown(leaf.setting, value)]));
    expect(Object.fromEntries(lines)).toMatchObject({
      sinks: 'stdout, lamp',
      'lamp.label': '"a\\nb"',
      'lamp.url': 'lamp://u:***@h',
      'lamp.password': 'not set',
      'lamp.depth.inner.token': '""',
      'lamp.laneBytes': '32MiB',
      'zmq.topics': '[]',
      'http.port': '8080',
    });
  });
});
