import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { catalogueOf } from '../../src/config/catalogue.ts';
import { configSchema } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configurationPage } from '../../src/config/markdown.ts';
import { sinkModules } from '../../src/sinks/registry.ts';
import { fakes } from './fakes.ts';
import { load, tempFile } from './support.ts';

const root = new URL('../../', import.meta.url);
const catalogue = catalogueOf(sinkModules);
const names = sinkModules.map(({ name }) => name);
const page = readFileSync(new URL('docs/configuration.md', root), 'utf8');
const examplePath = new URL('config/production.example.yaml', root).pathname;
const example: unknown = parse(readFileSync(examplePath, 'utf8'));

const compile = (schema: object) =>
  new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true }).compile(schema);

describe('docs/configuration.md', () => {
  it('is what the settings say (npm run docs writes it)', () => {
    expect(page).toBe(configurationPage(catalogue));
  });

  it('has every setting and none that does not exist', () => {
    const rows = [...page.matchAll(/^\| `([\w.]+)` \| `[A-Z]/gm)].map(([, path]) => path);
    expect(rows).toEqual(
      catalogue.leaves.map(({ path }) => path).toSorted((a, b) => rows.indexOf(a) - rows.indexOf(b)),
    );
    expect(new Set(rows).size).toBe(catalogue.leaves.length);
  });
});

describe('the names of all settings', () => {
  it('are the ones that others rely on', () => {
    const byPath = new Map(catalogue.leaves.map(({ path, env, flag }) => [path, `${env} --${flag}`]));
    expect(Object.fromEntries(byPath)).toMatchObject({
      name: 'BRIDGE_NAME --name',
      sinks: 'SINKS --sinks',
      sources: 'SOURCES --sources',
      'zmq.port': 'ZMQ_PORT --zmq-port',
      'replay.endpoint': 'REPLAY_ENDPOINT --replay-endpoint',
      'replay.allow': 'REPLAY_ALLOW --replay-allow',
      standby: 'STANDBY --standby',
      onFenced: 'ON_FENCED --on-fenced',
      leaseTtl: 'LEASE_TTL --lease-ttl',
      checkpointWait: 'CHECKPOINT_WAIT --checkpoint-wait',
      'http.port': 'HTTP_PORT --http-port',
      'log.level': 'LOG_LEVEL --log-level',
      'file.dir': 'FILE_DIR --file-dir',
      'redis.url': 'REDIS_URL --redis-url',
      'redis.stream': 'REDIS_STREAM --redis-stream',
      'kafka.brokers': 'KAFKA_BROKERS --kafka-brokers',
      'kafka.topic': 'KAFKA_TOPIC --kafka-topic',
      'kafka.createTopics': 'KAFKA_CREATE_TOPICS --kafka-create-topics',
    });
  });

  it('that become timers are bounded: beyond 2^31-1 ms Node.js calls back at once', () => {
    const isAge = /(?:[aA]ge|Ttl)$/;
    const unbounded = catalogue.leaves.filter(
      ({ path, setting }) =>
        'format' in setting &&
        setting.format === 'duration' &&
        !isAge.test(path) &&
        (setting.max ?? Number.POSITIVE_INFINITY) > 2 ** 31 - 1,
    );
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  it('are unique, as variables with the _FILE forms of secrets and as flags', () => {
    const variables = catalogue.leaves.flatMap(({ env, setting }) => (setting.secret ? [env, `${env}_FILE`] : [env]));
    expect(new Set([...variables, 'CONFIG']).size).toBe(variables.length + 1);
    const flags = catalogue.leaves.map(({ flag }) => flag);
    expect(new Set([...flags, 'config', 'help', 'json']).size).toBe(flags.length + 3);
  });

  it('all have defaults that their own formats allow', async () => {
    const { effective } = await loadConfig(sinkModules, { env: { SINKS: names.join(',') }, flags: {} });
    expect(effective.length).toBe(catalogue.leaves.length - 1);
  });
});

describe('config/production.example.yaml', () => {
  it('is a valid configuration without warnings', async () => {
    const { config, warnings } = await loadConfig(sinkModules, {
      env: { REDIS_PASSWORD: 'x' },
      flags: {},
      file: examplePath,
    });
    expect(config.sinks).toEqual(['redis', 'kafka']);
    expect(config.sources).toHaveLength(2);
    expect(warnings).toEqual([]);
  });
});

describe('the JSON Schema of the file', () => {
  const validate = compile(configSchema(catalogue, names));

  it('takes the example', () => {
    expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each([
    { zmq: { port: '5557' } },
    { zmq: { prot: 1 } },
    { sinks: ['lamp'] },
    { sinks: [] },
    { sinks: ['redis', 'redis'] },
    { sources: [{ name: 'a' }] },
    { sources: [{ name: 'a', bind: 'x', connect: 'y' }] },
    { streamTtl: '1 day' },
    { http: { port: 'none' } },
    { log: { level: 'loud' } },
    { maxStreams: 0 },
  ])('refuses %j', (content) => {
    expect(validate(content)).toBe(false);
  });

  it('refuses no file that the bridge takes', async () => {
    const fakeCatalogue = catalogueOf(fakes);
    const fakeSchema = compile(
      configSchema(
        fakeCatalogue,
        fakes.map(({ name }) => name),
      ),
    );
    const value = fc.oneof(
      fc.constantFrom(
        0,
        1,
        5,
        1_024,
        70_000,
        true,
        false,
        'off',
        'red',
        'standby',
        'exactly-once',
        'a',
        '10s',
        '64KiB',
        '1MiB',
        '7',
        [],
        ['a'],
        ['stdout'],
        ['lamp', 'stdout'],
      ),
      fc.integer(),
      fc.string({ maxLength: 4 }),
    );
    // Its default among the rest: with every further setting, what is drawn for another one fits less often.
    const entry = fc
      .constantFrom(...fakeCatalogue.leaves)
      .chain(({ path, setting }) => fc.tuple(fc.constant(path), fc.oneof(value, fc.constant(setting.default))));
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(entry, async ([path, content]) => {
        const file = path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), content);
        const isTaken = await load({ file: tempFile('x.json', JSON.stringify(file)) }).then(
          () => true,
          () => false,
        );
        if (!isTaken) return;
        accepted += 1;
        expect(fakeSchema(file), JSON.stringify([file, fakeSchema.errors])).toBe(true);
      }),
      { numRuns: 1_200 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
