import { describe, expect, it } from 'vitest';
import { catalogueOf } from '../../src/config/catalogue.ts';
import { sinkModules } from '../../src/sinks/registry.ts';
import { tempFile } from '../config/support.ts';
import { runInMemory } from './memory-edge.ts';

const canary = 'c4n4ry-S3cret';
const { leaves } = catalogueOf(sinkModules);
const secret = leaves.filter(({ setting }) => setting.secret);
const urls = leaves.filter(({ setting }) => setting.credentials);

const url = (path: string) => (path.includes('kafka') ? `https://u:${canary}@h/t` : `redis://u:${canary}@h`);
const inEnvironment = Object.fromEntries([
  ...secret.map(({ env }) => [env, canary]),
  ...urls.map(({ env, path }) => [env, url(path)]),
]);
const inFlags = [
  ...secret.map(({ flag }) => `--${flag}=${canary}`),
  ...urls.map(({ flag, path }) => `--${flag}=${url(path)}`),
];
const inSecretFiles = Object.fromEntries(secret.map(({ env }) => [`${env}_FILE`, tempFile('s', `${canary}\n`)]));
const inFile = tempFile(
  'bridge.json',
  JSON.stringify(
    nested([
      ...secret.map(({ path }) => [path, canary] as const),
      ...urls.map(({ path }) => [path, url(path)] as const),
    ]),
  ),
);

function nested(entries: readonly (readonly [string, string])[]): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, value] of entries) {
    const keys = path.split('.');
    const above = keys.slice(0, -1).reduce((node, key) => {
      node[key] ??= {};
      return node[key] as Record<string, unknown>;
    }, root);
    above[keys.at(-1) ?? ''] = value;
  }
  return root;
}

const everySink = { SINKS: sinkModules.map(({ name }) => name).join(',') };

type Run = readonly [string, readonly string[], Readonly<Record<string, string>>];
/** Every way to give a secret, with every command that reads or prints the configuration. */
const runs: readonly Run[] = [
  ['check-config, environment', ['check-config'], { ...everySink, ...inEnvironment }],
  ['check-config, only Redis', ['check-config'], { SINKS: 'redis', REDIS_URL: `redis://u:${canary}@h` }],
  ['check-config --json, only Redis', ['check-config', '--json'], { SINKS: 'redis', REDIS_PASSWORD: canary }],
  [
    'check-config, only Kafka',
    ['check-config'],
    { SINKS: 'kafka', KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: canary },
  ],
  ['check-config --json, environment', ['check-config', '--json'], inEnvironment],
  ['check-config, secret files', ['check-config'], { ...everySink, ...inSecretFiles }],
  ['check-config, file', ['check-config', '--config', inFile], everySink],
  ['check-config, flags', ['check-config', ...inFlags], everySink],
  ['check-config, wrong port', ['check-config', ...inFlags, '--zmq-port', 'x'], { ...everySink, ...inEnvironment }],
  ['run, wrong port', ['run', ...inFlags, '--zmq-port', 'x'], inEnvironment],
  ['run, secret and its file', ['run', '--zmq-port', 'x'], { ...inEnvironment, ...inSecretFiles }],
  ['run, an unknown option', ['run', `--redis-pasword=${canary}`], inEnvironment],
  ['run, an unknown option with a space in it', ['run', `--redis pasword=${canary}`], inEnvironment],
  ['run, a flag given twice', ['run', `--redis-password=${canary}`, `--redis-password=${canary}`], {}],
  ['run, surplus argument', ['run', canary], {}],
  ['run, an impossible URL', ['run'], { SINKS: 'redis', REDIS_URL: `http://u:${canary}@h` }],
  ['run, a URL without a host', ['run'], { SINKS: 'redis', REDIS_URL: `redis://u:${canary}` }],
  ['run, a URL that is none', ['run'], { SINKS: 'redis', REDIS_URL: `u:${canary}@h` }],
  [
    'run, a token URL that is none',
    ['run'],
    { SINKS: 'kafka', KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTH_TOKEN_URL: `u:${canary}@h` },
  ],
  ...['text', '--json'].flatMap((form): Run[] => {
    const doctor = ['doctor', '--wait', '0s', ...(form === 'text' ? [] : [form])];
    const connect = `tcp://u:${canary}@h:1`;
    return [
      [`doctor ${form}, every sink, environment`, [...doctor, '--only', 'sinks'], { ...everySink, ...inEnvironment }],
      [`doctor ${form}, every sink, secret files`, [...doctor, '--only', 'sinks'], { ...everySink, ...inSecretFiles }],
      [`doctor ${form}, every sink, file`, [...doctor, '--only', 'sinks', '--config', inFile], everySink],
      [`doctor ${form}, wrong port`, [...doctor, ...inFlags, '--zmq-port', 'x'], inEnvironment],
      [`doctor ${form}, an unknown option`, [...doctor, `--redis-pasword=${canary}`], inEnvironment],
      [`doctor ${form}, an endpoint with a password`, [...doctor, connect], {}],
      [`doctor ${form}, a host with a password`, [...doctor, `u:${canary}@h`], {}],
      [`doctor ${form}, a replay endpoint with a password`, [...doctor, 'h', '--replay', connect], {}],
      [`doctor ${form}, a source with a password`, doctor, { SOURCES: JSON.stringify([{ name: 'e', connect }]) }],
    ];
  }),
  ...['check-config', 'run'].flatMap((verb): Run[] => {
    const sources = (...entries: readonly unknown[]) => ({ SOURCES: JSON.stringify(entries) });
    const engine = { name: 'e', connect: 'tcp://h:5557' };
    const plain = { plainUsername: 'u', plainPassword: canary };
    return [
      [`${verb}, a source without a user name`, [verb], sources({ ...engine, plainPassword: canary })],
      [`${verb}, a source with a misspelt key`, [verb], sources({ ...engine, plainPasword: canary })],
      [`${verb}, a source with a list of passwords`, [verb], sources({ ...engine, plainPassword: [canary] })],
      [`${verb}, too long a password`, [verb], sources({ ...engine, ...plain, plainPassword: canary.repeat(50) })],
      [`${verb}, sources that are no list`, [verb], { SOURCES: JSON.stringify({ ...engine, ...plain }) }],
      [`${verb}, sources that are no JSON`, [verb], { SOURCES: `[${JSON.stringify({ ...engine, ...plain })}` }],
      [`${verb}, a source with a secret key that is none`, [verb], sources({ ...engine, curveSecretKey: canary })],
      [`${verb}, a source with a list of secret keys`, [verb], sources({ ...engine, curveSecretKey: [canary] })],
      [`${verb}, a secret key that is none`, [verb], { ZMQ_CURVE_SECRET_KEY: canary }],
      [`${verb}, a user name that is missing`, [verb], { ZMQ_PLAIN_PASSWORD: canary }],
    ];
  }),
  [
    'check-config --json, a source with a password',
    ['check-config', '--json'],
    { SOURCES: JSON.stringify([{ name: 'e', connect: 'tcp://h:5557', plainUsername: 'u', plainPassword: canary }]) },
  ],
  [
    'check-config, a source with a password',
    ['check-config'],
    { SOURCES: JSON.stringify([{ name: 'e', connect: 'tcp://h:5557', plainUsername: 'u', plainPassword: canary }]) },
  ],
  ['check-config, PLAIN', ['check-config'], { ZMQ_PLAIN_USERNAME: 'u', ZMQ_PLAIN_PASSWORD: canary }],
  ['check-config --json, PLAIN', ['check-config', '--json'], { ZMQ_PLAIN_USERNAME: 'u', ZMQ_PLAIN_PASSWORD: canary }],
  ['tail, a target with a password', ['tail', `u:${canary}@h`], {}],
  ['capture, wrong port', ['capture', 'no.kvcap', ...inFlags, '--zmq-port', 'x'], inEnvironment],
  ['capture, an endpoint with a password', ['capture', 'no.kvcap', `tcp://u:${canary}@h:5557`], {}],
  ['capture, a host with a password', ['capture', 'no.kvcap', `u:${canary}@h`], {}],
  ['capture, a port with a password', ['capture', 'no.kvcap', '--bind', `tcp://u:${canary}@h:5557`], {}],
  ['replay, wrong port', ['replay', 'no.kvcap', ...inFlags, '--zmq-port', 'x'], inEnvironment],
  ['replay, a URL for a sink', ['replay', 'no.kvcap', '--to', `redis://u:${canary}@h`], inEnvironment],
  ['replay, a name with a password', ['replay', 'no.kvcap', '--to', `u:${canary}@h`], inEnvironment],
  ['replay, an endpoint with a password', ['replay', 'no.kvcap', '--to', `tcp://u:${canary}@h:5557`], {}],
  [
    'replay, a replay endpoint with a password',
    ['replay', 'no.kvcap', '--to', 'tcp://h:5557', '--replay', `tcp://u:${canary}@h:5558`],
    {},
  ],
  ['replay, every sink and no file', ['replay', 'no.kvcap', '--to', 'redis,file', ...inFlags], inEnvironment],
  ['stats, no file', ['stats', 'no.kvcap', ...inFlags], inEnvironment],
  ['schema', ['schema'], inEnvironment],
  ['schema --config', ['schema', '--config'], inEnvironment],
  ['--help', ['--help'], inEnvironment],
  ['run --help', ['run', '--help', ...inFlags], inEnvironment],
];

describe('no command prints a secret', () => {
  it('though there are some', () => {
    expect(secret.map(({ path }) => path)).toEqual(expect.arrayContaining(['redis.password', 'kafka.sasl.password']));
    expect(urls.map(({ path }) => path)).toContain('redis.url');
  });

  it.each(runs)('%s', async (_, argv, env) => {
    const { stdout, stderr } = await runInMemory(argv, env);
    expect(stdout + stderr).not.toBe('');
    expect(stdout + stderr).not.toContain(canary);
  });

  it('check-config shows that it is there', async () => {
    const { exitCode, stdout } = await runInMemory(['check-config'], {
      SINKS: 'redis',
      REDIS_URL: 'redis://u@h',
      REDIS_PASSWORD: canary,
    });
    expect(stdout).toContain('redis.password = ***  (env REDIS_PASSWORD)');
    expect(exitCode).toBe(0);
  });
});
