import { describe, expect, it } from 'vitest';
import type { Layers } from '../../src/config/load.ts';
import { load, loadYaml, problemsOf, tempFile } from './support.ts';

const linkValue = 'tcp://10.96.0.7:5557';

const byEnvironment: readonly (readonly [string, Layers['env'], readonly RegExp[]])[] = [
  [
    'a value of the wrong format',
    { ZMQ_PORT: '5557abc' },
    [/^zmq\.port: "5557abc" is not allowed, must be a port from 0 to 65535 \(env ZMQ_PORT\)$/],
  ],
  ['a flag that is no flag', { LAMP_IS_ON: '0' }, [/^lamp\.isOn: "0" .*true or false \(env LAMP_IS_ON\)/]],
  ['a number beyond its limits', { ZMQ_DATA_PARALLEL_SIZE: '1025' }, [/from 1 to 1024/]],
  ['a word that is no choice', { LOG_LEVEL: 'loud' }, [/^log\.level: "loud".*trace, debug, info.*env LOG_LEVEL/]],
  ['an empty variable', { ZMQ_PORT: '' }, [/^zmq\.port: is set but empty: unset it .*env ZMQ_PORT/]],
  ['an empty name', { LAMP_PASSWORD: '' }, [/^lamp\.password: is set but empty/]],
  ['an empty CONFIG', { CONFIG: '' }, [/^config: is set but empty.*env CONFIG/]],
  [
    'an empty secret file variable',
    { LAMP_PASSWORD_FILE: '' },
    [/^lamp\.password: is set but empty.*LAMP_PASSWORD_FILE/],
  ],
  [
    'a file that is not there',
    { CONFIG: '/nowhere/x.yaml' },
    [/^config: the file "\/nowhere\/x\.yaml" cannot be read: .*ENOENT/],
  ],
  ['a folder for a file', { CONFIG: '/tmp' }, [/^config: the file "\/tmp" cannot be read: .*EISDIR/]],
  [
    'a secret file that is not there',
    { LAMP_PASSWORD_FILE: '/nowhere/s' },
    [/^lamp\.password: the file "\/nowhere\/s" cannot be read: .*LAMP_PASSWORD_FILE/],
  ],
  [
    'both a secret and its file',
    { LAMP_PASSWORD: 'a', LAMP_PASSWORD_FILE: '/x' },
    [/^lamp\.password: both LAMP_PASSWORD and LAMP_PASSWORD_FILE are set: unset one$/],
  ],
  [
    'an unknown sink',
    { SINKS: 'stdout,lmap' },
    [/^sinks: "lmap" is no sink; did you mean lamp\? \(known: stdout, lamp\) \(env SINKS\)/],
  ],
  ['a sink like nothing known', { SINKS: 'elephant' }, [/^sinks: "elephant" is no sink; known: stdout, lamp/]],
  ['a sink of the prototype', { SINKS: 'constructor' }, [/^sinks: "constructor" is no sink/]],
  ['a sink named twice', { SINKS: 'lamp,stdout,lamp' }, [/^sinks: "lamp" is there twice/]],
  ['empty items of a list', { SINKS: 'lamp,' }, [/^sinks: \["lamp",""\] is not allowed/]],
  [
    'a name with spaces',
    { BRIDGE_NAME: 'my bridge' },
    [/^name: "my bridge" must be 1 to 100 letters.*env BRIDGE_NAME/],
  ],
  ['a name that is too long', { BRIDGE_NAME: 'x'.repeat(101) }, [/^name: "x+" must be 1 to 100/]],
  [
    'a Service named zmq, which sets ZMQ_PORT',
    { ZMQ_PORT: linkValue },
    [
      /^zmq\.port: "tcp:\/\/10\.96\.0\.7:5557" .*Kubernetes.*Service named "zmq".*enableServiceLinks: false.*env ZMQ_PORT/,
    ],
  ],
  [
    'a Service named http',
    { HTTP_PORT: linkValue },
    [/^http\.port: .*Service named "http".*enableServiceLinks: false/],
  ],
  [
    'ports beyond the last',
    { ZMQ_PORT: '65535', ZMQ_DATA_PARALLEL_SIZE: '2' },
    [/^zmq\.port: 65535 with zmq\.dataParallelSize 2 needs ports up to 65536.*env ZMQ_PORT/],
  ],
  [
    'any free port for ranks',
    { ZMQ_PORT: '0', ZMQ_DATA_PARALLEL_SIZE: '2' },
    [/^zmq\.port: 0 \(any free port\) does not go with zmq\.dataParallelSize 2/],
  ],
  [
    'the HTTP port inside the ranks’ ports',
    { ZMQ_PORT: '8079', ZMQ_DATA_PARALLEL_SIZE: '2' },
    [/^sources: http\.port \(default\), port 8080, and source "zmq" \(number 1\), ports 8079 to 8080, are both bound/],
  ],
  [
    'a combination its sink refuses',
    { SINKS: 'lamp', LAMP_LABEL: 'x' },
    [/^lamp: lamp\.label and lamp\.colour red do not go together$/],
  ],
  ['a wrong value for a sink that is not enabled', { LAMP_COLOUR: 'blue' }, [/^lamp\.colour: "blue".*red, green/]],
  [
    'SOURCES that is no JSON',
    { SOURCES: 'tcp://a:1' },
    [/^sources: "tcp:\/\/a:1" is not allowed, must be a list of sources, as JSON/],
  ],
  [
    'several at once, each on its line',
    { ZMQ_PORT: 'x', SINKS: 'y', LOG_LEVEL: 'z', LAMP_IS_ON: '' },
    [/^zmq\.port/, /^log\.level/, /^lamp\.isOn/, /^sinks/],
  ],
];

describe('an error in the environment', () => {
  it.each(byEnvironment)('%s', async (_, env, patterns) => {
    const problems = await problemsOf(load({ env }));
    expect(problems).toHaveLength(patterns.length);
    for (const pattern of patterns) expect(problems).toContainEqual(expect.stringMatching(pattern));
  });
});

const byFile: readonly (readonly [string, string, readonly RegExp[]])[] = [
  [
    'an unknown key, with the nearest',
    'zmq: { prot: 1 }',
    [/^zmq\.prot: unknown key; did you mean port\? \(file .*bridge\.yaml\)$/],
  ],
  ['a key in another spelling', 'lamp: { is_on: true }', [/^lamp\.is_on: unknown key; did you mean isOn\?/]],
  ['an unknown key like nothing known', 'elephant: 1', [/^elephant: unknown key; known: name, sinks, sources, zmq, /]],
  ['an unknown section with content', 'elephant: { a: { b: 1 } }', [/^elephant: unknown key/]],
  [
    'keys with dots',
    'zmq.port: 1',
    [/^zmq\.port: unknown key; keys are nested in a file: write zmq: \{ port: \.\.\. \}/],
  ],
  ['keys that are no words', '"a b\\n": 1', [/^"a b\\n": unknown key/]],
  ['a key that is a number', '5: 1', [/^5: unknown key/]],
  [
    'a section without content',
    'zmq:\n',
    [/^zmq: must be a section with keys \(port, transport, topics, .*\), is empty/],
  ],
  ['a list for a section', 'zmq: [1]', [/^zmq: must be a section .*is a list/]],
  ['a value for a section', 'lamp: redis', [/^lamp: must be a section .*is a single value \(string\)/]],
  [
    'a section for a value',
    'maxStreams: { a: { b: 1 } }',
    [/^maxStreams: \{"a":\{"b":1\}\} is not allowed, must be a whole number/],
  ],
  ['a key without a value', 'maxStreams:\n', [/^maxStreams: has no value/]],
  ['a quoted number', 'maxStreams: "5"', [/^maxStreams: "5" is not allowed/]],
  ['a number for a text', 'lamp: { password: 12345 }', [/^lamp\.password: "\*\*\*" is not allowed, must be text/]],
  ['a text for a list', 'sinks: stdout', [/^sinks: "stdout" is not allowed, must be a list/]],
  ['no sinks at all', 'sinks: []', [/^sinks: is empty: name at least one of stdout, lamp/]],
  ['a file that is a list', '- a\n- b\n', [/^config: must be a section .*is a list/]],
  ['a file that is a text', 'hello', [/^config: must be a section .*is a single value/]],
  [
    'bad syntax, with its place',
    'zmq:\n  port: [1\nname: x\n',
    [/^config: .*bridge\.yaml:\d+:\d+: not valid YAML or JSON: /],
  ],
  ['tabs for indentation', 'zmq:\n\tport: 1\n', [/bridge\.yaml:2:1: not valid YAML or JSON: /]],
  ['a key given twice', 'name: a\nname: b\n', [/bridge\.yaml:2:1: not valid YAML or JSON: duplicate key/]],
  ['an alias without an anchor', 'name: *nothing\n', [/not valid YAML or JSON/]],
  ['an unknown tag', 'name: !nothing x\n', [/bridge\.yaml:1:\d+: not valid YAML or JSON: tag resolve failed/]],
  ['two documents', 'name: a\n---\nname: b\n', [/not valid YAML or JSON/]],
  [
    '__proto__',
    '__proto__: { polluted: true }\nzmq: { __proto__: { port: 1 } }',
    [/^__proto__: unknown key/, /^zmq\.__proto__: unknown key/],
  ],
  ['constructor.prototype', 'constructor: { prototype: { polluted: true } }', [/^constructor: unknown key/]],
  [
    'keys of Object.prototype',
    'zmq: { toString: 1 }\nhasOwnProperty: 1',
    [/^zmq\.toString: unknown key/, /^hasOwnProperty: unknown key/],
  ],
];

describe('an error in the file', () => {
  it.each(byFile)('%s', async (_, yaml, patterns) => {
    const problems = await problemsOf(loadYaml(yaml));
    const joined = problems.join('\n');
    for (const pattern of patterns) expect(problems, joined).toContainEqual(expect.stringMatching(pattern));
    expect(
      problems
        .filter((problem) => !patterns.some((pattern) => pattern.test(problem)))
        .filter((line) => !line.includes('not valid YAML')),
    ).toEqual([]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('refuses an explosion of aliases', async () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) => `l${level + 1}: &l${level + 1} [${Array(9).fill(`*l${level}`).join(',')}]`,
    );
    const problems = await problemsOf(loadYaml(`l0: &l0 [x]\n${levels.join('\n')}\n`));
    expect(problems).toContainEqual(expect.stringMatching(/too many aliases/));
  });

  it('is reported even where a stronger layer hides the value', async () => {
    expect(await problemsOf(loadYaml('maxStreams: x', { env: { MAX_STREAMS: '5' } }))).toEqual([
      expect.stringMatching(/^maxStreams: "x"/),
    ]);
  });

  it('keeps a huge value out of the message', async () => {
    const [line = ''] = await problemsOf(loadYaml(`maxStreams: ${'x'.repeat(10_000)}`));
    expect(line.length).toBeLessThan(500);
  });
});

describe('an error in a flag', () => {
  it.each([
    [{ 'zmq-port': '' }, /^zmq\.port: is set but empty.*\(flag --zmq-port\)/],
    [{ 'lamp-colour': 'blue' }, /^lamp\.colour: "blue".*\(flag --lamp-colour\)/],
  ])('%j names the flag', async (flags, pattern) => {
    expect(await problemsOf(load({ flags }))).toEqual([expect.stringMatching(pattern)]);
  });

  it('an empty --config names the flag', async () => {
    expect(await problemsOf(load({ file: '' }))).toEqual([
      expect.stringMatching(/^config: is set but empty.*flag --config/),
    ]);
  });
});

describe('a secret file', () => {
  it.each([
    ['empty', Buffer.from('\n'), /is empty/],
    ['not UTF-8', Buffer.from([0xff, 0xfe, 0x41]), /is not UTF-8 text/],
  ])('that is %s is refused', async (_, content, pattern) => {
    const env = { LAMP_PASSWORD_FILE: tempFile('secret', content) };
    expect(await problemsOf(load({ env }))).toEqual([expect.stringMatching(pattern)]);
  });
});
