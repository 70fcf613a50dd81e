import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogueOf } from '../../src/config/catalogue.ts';
import { sinkModules } from '../../src/sinks/registry.ts';
import { tempFile } from '../config/support.ts';
import { runInMemory } from './memory-edge.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const { leaves } = catalogueOf(sinkModules);

describe('kv-event-bridge', () => {
  it('--version prints the version of the package', async () => {
    expect(await runInMemory(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('--help names commands, exit codes, the main variables and an example', async () => {
    const { exitCode, stdout, stderr } = await runInMemory(['--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const word of [
      'run',
      'simulate',
      'check-config',
      'schema',
      'Exit codes',
      'ZMQ_PORT',
      'SINKS',
      'CONFIG',
      'Examples:',
    ]) {
      expect(stdout).toContain(word);
    }
    const variables = [...stdout.matchAll(/^ {2}([A-Z]+(?:_[A-Z]+)*) {2}/gm)].map(([, name]) => name);
    const known = [...leaves.map(({ env }) => env), 'CONFIG'];
    expect(variables.length).toBeGreaterThan(5);
    expect(variables.filter((name) => !known.includes(name ?? ''))).toEqual([]);
  });

  it.each(['run', 'check-config'])('%s --help lists a flag for every setting, by section', async (command) => {
    const { exitCode, stdout } = await runInMemory([command, '--help']);
    expect(exitCode).toBe(0);
    for (const { flag } of leaves) expect(stdout).toMatch(new RegExp(`^ {2}--${flag} `, 'm'));
    const sections = [...stdout.matchAll(/^Section (\w+):$/gm)].map(([, section]) => section);
    expect(sections).toEqual([...new Set(leaves.map(({ section }) => section).filter((section) => section !== ''))]);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });
});

describe('wrong usage ends with exit code 2, says what and prints nothing to stdout', () => {
  it.each([
    [['chek-config'], /unknown command "chek-config"; did you mean check-config\?/],
    [['simulat', '--rate', '1'], /unknown command "simulat"; did you mean simulate\?/],
    [['help', 'simulat'], /unknown command "simulat"; did you mean simulate\?/],
    [['elephant'], /unknown command "elephant"; known: run, simulate, check-config, .*schema, .*help/],
    [['check-config', '--redis-pasword', 'x'], /unknown option --redis-pasword; did you mean --redis-password\?/],
    [['--sink', 'redis'], /unknown option --sink; did you mean --sinks\?/],
    [['run', '--elephant'], /unknown option --elephant; see kv-event-bridge run --help/],
    [['check-config', '-x'], /unknown option -x/],
    [['check-config', '--sinks'], /option '--sinks <list>' argument missing/],
    [['check-config', 'surplus'], /too many arguments for 'check-config'/],
    [['check-config', '--sinks', 'stdout', '--sinks', 'redis'], /--sinks is given 2 times: give it once/],
    [['check-config', '--config', 'a', '--config', 'b'], /--config is given 2 times/],
    [['run', '--zmq-port', '5557abc'], /zmq\.port: "5557abc" .*\(flag --zmq-port\)/],
    [['run', '--config', '/nowhere.yaml'], /config: the file "\/nowhere\.yaml" cannot be read/],
    [['schema', '--cofig'], /unknown option --cofig; did you mean --config\?/],
  ])('%j', async (argv, pattern) => {
    const { exitCode, stdout, stderr } = await runInMemory(argv);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(pattern);
    expect(stderr).toMatch(/^kv-event-bridge: \S/);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});

describe('check-config', () => {
  it('prints one line per setting in effect with its origin', async () => {
    const file = tempFile('bridge.yaml', 'name: fleet\nredis: { stream: s }\n');
    const argv = ['check-config', '--sinks', 'redis,stdout', '--config', file];
    const { exitCode, stdout, stderr } = await runInMemory(argv, {
      ZMQ_PORT: '6000',
      REDIS_URL: 'redis://u:hunter2@h',
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    for (const line of [
      `name = fleet  (file ${file})`,
      'sinks = redis, stdout  (flag --sinks)',
      'zmq.port = 6000  (env ZMQ_PORT)',
      'redis.url = redis://u:***@h  (env REDIS_URL)',
      'redis.password = not set  (default)',
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.every((line) => /^[\w.]+ = .+ {2}\(.+\)$/.test(line))).toBe(true);
    expect(stdout).not.toContain('kafka.');
  });

  it('--json prints the same for machines, numbers as numbers', async () => {
    const { exitCode, stdout } = await runInMemory(['check-config', '--json'], {
      ZMQ_PORT: '6000',
      LISTENER_PORT: '1',
    });
    expect(exitCode).toBe(0);
    const { settings, warnings } = JSON.parse(stdout) as { settings: Record<string, unknown>; warnings: string[] };
    expect(settings['zmq.port']).toEqual({ value: 6_000, origin: 'env ZMQ_PORT' });
    expect(settings['streamTtl']).toEqual({ value: 86_400_000, origin: 'default' });
    expect(warnings).toEqual([expect.stringContaining('LISTENER_PORT')]);
  });

  it('prints warnings to stderr and still ends well', async () => {
    const { exitCode, stderr } = await runInMemory(['check-config'], { LISTENER_PORT: '5557' });
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^warning: LISTENER_PORT/);
  });

  it('takes a flag without a value as true', async () => {
    const { stdout } = await runInMemory(['check-config', '--sinks=kafka', '--kafka-create-topics']);
    expect(stdout).toContain('kafka.createTopics = true  (flag --kafka-create-topics)');
    const off = await runInMemory(['check-config', '--kafka-create-topics', 'false', '--sinks', 'kafka']);
    expect(off.stdout).toContain('kafka.createTopics = false  (flag --kafka-create-topics)');
  });

  it('reports everything that is wrong at once', async () => {
    const { exitCode, stderr } = await runInMemory(['check-config', '--log-level', 'loud'], {
      SINKS: 'redis,lamp',
      HTTP_PORT: 'x',
    });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^kv-event-bridge: the configuration has 3 problems:\n/);
    for (const key of ['sinks: ', 'http.port: ', 'log.level: ']) expect(stderr).toContain(`\n  ${key}`);
  });
});

describe('schema', () => {
  it('prints the JSON Schema of records as it stands in the package', async () => {
    const { exitCode, stdout } = await runInMemory(['schema']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema' });
    expect(stdout).toBe(readFileSync(new URL('../../schemas/record.schema.json', import.meta.url), 'utf8'));
  });

  it('--status prints that of /statusz', async () => {
    const { exitCode, stdout } = await runInMemory(['schema', '--status']);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(readFileSync(new URL('../../schemas/status.schema.json', import.meta.url), 'utf8'));
  });

  it('prints one schema at a time', async () => {
    const { exitCode, stdout, stderr } = await runInMemory(['schema', '--status', '--config']);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('--config and --status');
  });

  it('--config prints that of the configuration file', async () => {
    const { stdout } = await runInMemory(['schema', '--config']);
    const { properties } = JSON.parse(stdout) as { properties: Record<string, unknown> };
    expect(Object.keys(properties)).toEqual(
      expect.arrayContaining(['name', 'sinks', 'sources', 'zmq', 'redis', 'kafka']),
    );
  });
});
