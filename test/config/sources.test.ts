import { describe, expect, it } from 'vitest';
import { speaksZmtp } from '../../src/config/transport.ts';
import { load, loadYaml, problemsOf } from './support.ts';

const withSources = (sources: unknown, env: Record<string, string> = {}) =>
  load({ env: { SOURCES: JSON.stringify(sources), ...env } });

describe('sources', () => {
  it('are read from a file; what an entry leaves out comes from the section zmq', async () => {
    const { config } = await loadYaml(`
zmq: { topics: [kv@], receiveHighWaterMark: 50, maxFrameBytes: 1MiB, sequenceScope: topic, heartbeatInterval: 2s }
sources:
  - { name: fleet, bind: "tcp://*:5557", dataParallelSize: 2, sequenceScope: rank }
  - { name: engine-7, connect: "tcp://[fd00::7]:5557", topics: [], maxFrameBytes: 2MiB, sequenceScope: rank, heartbeatInterval: 0 }
  - { name: local, bind: "ipc:///run/kv/events", receiveHighWaterMark: 0 }
`);
    const shared = {
      transport: 'auto',
      sequenceScope: 'topic',
      identity: 'auto',
      receiveHighWaterMark: 50,
      heartbeatInterval: 2_000,
      heartbeatTimeout: 15_000,
      maxFrameBytes: 1_048_576,
      security: { mechanism: 'NULL' },
      topics: ['kv@'],
      dataParallelSize: 1,
      replay: null,
    };
    expect(config.sources).toEqual([
      { ...shared, name: 'fleet', mode: 'bind', endpoint: 'tcp://*:5557', dataParallelSize: 2, sequenceScope: 'rank' },
      {
        ...shared,
        name: 'engine-7',
        mode: 'connect',
        endpoint: 'tcp://[fd00::7]:5557',
        topics: [],
        maxFrameBytes: 2_097_152,
        heartbeatInterval: 0,
        sequenceScope: 'rank',
      },
      { ...shared, name: 'local', mode: 'bind', endpoint: 'ipc:///run/kv/events', receiveHighWaterMark: 0 },
    ]);
  });

  it('are read as JSON from SOURCES and from the flag, the flag winning', async () => {
    const one = (name: string) => JSON.stringify([{ name, connect: 'tcp://engine:5557' }]);
    expect((await load({ env: { SOURCES: one('a') } })).config.sources[0]?.name).toBe('a');
    const { config, origins } = await load({ env: { SOURCES: one('a') }, flags: { sources: one('b') } });
    expect(config.sources[0]?.name).toBe('b');
    expect(origins.get('sources')).toBe('flag --sources');
    expect(origins.has('zmq.port')).toBe(false);
  });

  it.each([
    'tcp://*:5557',
    'tcp://0.0.0.0:1',
    'tcp://[::]:65535',
    'tcp://eth0:5557',
    'tcp://[fe80::1%eth0]:5557',
    'ipc:///a b',
  ])('may be bound to %s', async (bind) => {
    expect((await withSources([{ name: 'a', bind }])).config.sources[0]).toMatchObject({
      mode: 'bind',
      endpoint: bind,
    });
  });

  it.each([
    ['one host twice under two ports', ['tcp://a:5557', 'tcp://a:5558']],
    ['one port on two hosts', ['tcp://a:5557', 'tcp://b:5557']],
  ])('may connect to %s', async (_, endpoints) => {
    const sources = endpoints.map((connect, index) => ({ name: `s${index}`, connect }));
    expect((await withSources(sources)).config.sources).toHaveLength(2);
  });

  it('may be bound to one port on different addresses', async () => {
    const sources = [
      { name: 'a', bind: 'tcp://127.0.0.1:5557' },
      { name: 'b', bind: 'tcp://10.0.0.1:5557' },
    ];
    expect((await withSources(sources)).config.sources).toHaveLength(2);
  });

  it('may be bound to a port that another one connects to elsewhere', async () => {
    const sources = [
      { name: 'a', bind: 'tcp://*:5557' },
      { name: 'b', connect: 'tcp://engine:5557' },
    ];
    expect((await withSources(sources)).config.sources).toHaveLength(2);
  });
});

const endpoints: readonly (readonly [string, string, RegExp])[] = [
  ['bind', 'tcp://*', /must be tcp:\/\/host:port/],
  ['bind', '5557', /must begin with tcp:\/\/ or ipc:\/\//],
  ['bind', 'inproc://x', /must begin with/],
  ['bind', 'http://x:1', /must begin with/],
  ['bind', 'TCP://x:1', /must begin with/],
  ['bind', 'tcp://*:0', /port 0: must be from 1 to 65535/],
  ['bind', 'tcp://*:65536', /port 65536: must be from 1/],
  ['bind', 'tcp://*:05557', /port 05557/],
  ['bind', 'tcp://*:*', /must be tcp:\/\/host:port/],
  ['bind', 'tcp://:5557', /must be tcp:\/\/host:port/],
  ['bind', 'tcp://a b:5557', /must be tcp:\/\/host:port/],
  ['bind', 'tcp://a:5557/x', /must be tcp:\/\/host:port/],
  ['bind', 'ipc://', /has no path/],
  ['connect', 'tcp://*:5557', /no host to dial/],
  ['connect', 'tcp://fd00::7:5557', /IPv6 address stands in brackets/],
  ['connect', 'tcp://[fd00::7]', /must be tcp:\/\/host:port|brackets/],
  ['connect', 'tcp://{pod}:5557', /must be tcp:\/\/host:port/],
];

describe('identity peer', () => {
  it('needs a transport that knows addresses', async () => {
    const entry = { name: 'a', bind: 'tcp://*:5557', identity: 'peer' };
    expect((await withSources([entry])).config.sources).toMatchObject([{ name: 'a', identity: 'peer' }]);
    const problems = await problemsOf(withSources([{ ...entry, transport: 'libzmq' }]));
    expect(problems).toEqual([expect.stringMatching(/^sources\[0\]\.identity: "peer" needs.*use "auto" or "topic"/)]);
    const own = await problemsOf(load({ env: { ZMQ_IDENTITY: 'peer', ZMQ_TRANSPORT: 'libzmq' } }));
    expect(own).toEqual([expect.stringMatching(/^zmq\.identity: .*\(env ZMQ_IDENTITY\)$/)]);
  });
});

describe('the transport', () => {
  it.each([
    ['tcp://*:5557', 'auto', true],
    ['tcp://*:5557', 'zmtp', true],
    ['tcp://*:5557', 'libzmq', false],
    ['ipc:///run/kv', 'auto', false],
    ['ipc:///run/kv', 'libzmq', false],
  ] as const)('of %s with %s: own = %s', async (bind, transport, own) => {
    const [source] = (await withSources([{ name: 'a', bind, transport }])).config.sources;
    expect(source && speaksZmtp(source)).toBe(own);
  });

  it('zmtp is refused for ipc, also where the section zmq names it', async () => {
    const complaint =
      'sources[0].transport: "zmtp" does not speak "ipc:///run/kv": use "auto" or "libzmq" for ipc://, or tcp:// (env SOURCES)';
    const entry = { name: 'a', bind: 'ipc:///run/kv' };
    expect(await problemsOf(withSources([{ ...entry, transport: 'zmtp' }]))).toEqual([complaint]);
    expect(await problemsOf(withSources([entry], { ZMQ_TRANSPORT: 'zmtp' }))).toEqual([complaint]);
  });
});

describe('an endpoint', () => {
  it.each(endpoints)('%s %s is refused', async (mode, endpoint, pattern) => {
    const problems = await problemsOf(withSources([{ name: 'a', [mode]: endpoint }]));
    expect(problems).toEqual([expect.stringMatching(pattern)]);
    expect(problems[0]).toMatch(new RegExp(`^sources\\[0\\]\\.${mode}: ".*\\(env SOURCES\\)$`));
  });
});

const bind = 'tcp://*:5557';
const wrong: readonly (readonly [string, unknown, readonly RegExp[]])[] = [
  ['no entry', [], [/^sources: is empty/]],
  [
    'an entry that is a text',
    [bind],
    [/^sources\[0\]: must have the keys name and bind or connect, is a single value/],
  ],
  ['an entry that is null', [null], [/^sources\[0\]: .* is empty/]],
  ['an entry without a name', [{ bind }], [/^sources\[0\]\.name: is missing/]],
  ['a name with capitals', [{ name: 'A_b', bind }], [/^sources\[0\]\.name: "A_b" must be lower-case/]],
  ['bind and connect', [{ name: 'a', bind, connect: 'tcp://a:1' }], [/^sources\[0\]: has both bind and connect/]],
  ['neither of them', [{ name: 'a' }], [/^sources\[0\]: has neither bind nor connect/]],
  [
    'an unknown key',
    [{ name: 'a', bind, engine: 'x', topic: 'x' }],
    [
      /^sources\[0\]\.engine: unknown key; known: name, bind/,
      /^sources\[0\]\.topic: unknown key; did you mean topics\?/,
    ],
  ],
  [
    'a key of the prototype',
    [{ name: 'a', bind, constructor: 1, toString: 1 }],
    [/\.constructor: unknown key/, /\.toString: unknown key/],
  ],
  [
    'a value of a wrong type',
    [{ name: 'a', bind, dataParallelSize: '2', topics: 'kv' }],
    [/^sources\[0\]\.dataParallelSize: "2" is not allowed/, /^sources\[0\]\.topics: "kv"/],
  ],
  ['a value beyond its limits', [{ name: 'a', bind, dataParallelSize: 1025 }], [/from 1 to 1024/]],
  ['a null value', [{ name: 'a', bind, topics: null }], [/^sources\[0\]\.topics: has no value/]],
  ['ranks over ipc', [{ name: 'a', bind: 'ipc:///x', dataParallelSize: 2 }], [/dataParallelSize must be 1/]],
  [
    'ranks beyond the last port',
    [{ name: 'a', bind: 'tcp://*:65000', dataParallelSize: 1000 }],
    [/needs ports up to 65999/],
  ],
  [
    'ranks on ports of their own that share a counter',
    [{ name: 'a', bind, dataParallelSize: 2, sequenceScope: 'topic' }],
    [/^sources: source "a" has dataParallelSize 2 and sequenceScope topic/],
  ],
  [
    'two of one name',
    [
      { name: 'a', bind },
      { name: 'a', connect: 'tcp://x:1' },
    ],
    [/^sources: two sources have the name "a"/],
  ],
  [
    'one bound port twice',
    [
      { name: 'a', bind },
      { name: 'b', bind: 'tcp://10.0.0.1:5557' },
    ],
    [/^sources: source "a" \(number 1\), port 5557, and source "b" \(number 2\), port 5557, are both bound/],
  ],
  [
    'overlapping ranks',
    [
      { name: 'a', bind, dataParallelSize: 4 },
      { name: 'b', bind: 'tcp://*:5560' },
    ],
    [/ports 5557 to 5560, and source "b" \(number 2\), port 5560, are both bound/],
  ],
  [
    'the HTTP port',
    [{ name: 'a', bind: 'tcp://*:8080' }],
    [/^sources: http\.port \(default\), port 8080, and source "a"/],
  ],
  [
    'one engine twice',
    [
      { name: 'a', connect: 'tcp://E:1', dataParallelSize: 3 },
      { name: 'b', connect: 'tcp://e:3' },
    ],
    [/both receive every event of the same engine/],
  ],
  [
    'one ipc path twice',
    [
      { name: 'a', bind: 'ipc:///x' },
      { name: 'b', connect: 'ipc:///x' },
    ],
    [/two sources use ipc:\/\/\/x/],
  ],
  [
    'several things in several entries',
    [{ name: 'a' }, 5, { name: 'B', bind }],
    [/^sources\[0\]/, /^sources\[1\]/, /^sources\[2\]/],
  ],
];

describe('a list of sources', () => {
  it.each(wrong)('with %s is refused', async (_, sources, patterns) => {
    const problems = await problemsOf(withSources(sources));
    for (const pattern of patterns) expect(problems).toContainEqual(expect.stringMatching(pattern));
    expect(problems).toHaveLength(patterns.length);
  });

  it('with __proto__ is refused and pollutes nothing', async () => {
    const json = `[{"name":"a","bind":"${bind}","__proto__":{"topics":["x"]}}]`;
    expect(await problemsOf(load({ env: { SOURCES: json } }))).toEqual([
      expect.stringMatching(/\.__proto__: unknown key/),
    ]);
  });

  it('may share port 8080 when HTTP is off', async () => {
    const { config } = await withSources([{ name: 'a', bind: 'tcp://*:8080' }], { HTTP_PORT: 'off' });
    expect(config.http.port).toBe('off');
  });
});
