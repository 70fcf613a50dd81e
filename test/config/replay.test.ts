import { describe, expect, it } from 'vitest';
import { load, loadYaml, problemsOf } from './support.ts';

const withSource = (source: Record<string, unknown>, env: Record<string, string> = {}) =>
  load({ env: { SOURCES: JSON.stringify([{ name: 'a', ...source }]), ...env } });
const bind = 'tcp://*:5557';
const connect = 'tcp://10.0.0.7:5557';
const template = 'tcp://{pod_host}:5558';
const allowed = { REPLAY_ALLOW: '10.0.0.0/8' };

describe('replay', () => {
  it('is read from a file: endpoints of the sources, networks and limits', async () => {
    const { config, warnings } = await loadYaml(`
sources:
  - { name: fleet, bind: "tcp://*:5557", replay: "${template}" }
  - { name: engine-7, connect: "${connect}", replay: "tcp://10.0.0.7:5567", dataParallelSize: 2 }
  - { name: engine-8, connect: "tcp://[fd00::8]:5557" }
replay: { allow: [10.0.0.0/8, "fd00::/8", 192.0.2.7/32, "::/0"], budget: 1m, heldBytes: 1MiB }
`);
    expect(config.sources.map(({ replay }) => replay)).toEqual([template, 'tcp://10.0.0.7:5567', null]);
    expect(config.replay).toMatchObject({ budget: 60_000, heldBytes: 1_048_576 });
    expect(config.replay.allow).toEqual([
      { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
      { address: 'fd00::', prefix: 8, family: 'ipv6' },
      { address: '192.0.2.7', prefix: 32, family: 'ipv4' },
      { address: '::', prefix: 0, family: 'ipv6' },
    ]);
    expect(warnings).toEqual([]);
  });

  it('of the default source comes from REPLAY_ENDPOINT', async () => {
    const { config, origins } = await load({ env: { REPLAY_ENDPOINT: template, ...allowed } });
    expect(config.sources).toEqual([expect.objectContaining({ name: 'zmq', replay: template })]);
    expect(origins.get('replay.endpoint')).toBe('env REPLAY_ENDPOINT');
  });

  it.each([
    [{ bind, replay: template, dataParallelSize: 4 }, 'ports of engines are not those of the bridge'],
    [{ bind, replay: 'tcp://engine:5558' }, 'one engine dials in'],
    [{ bind, replay: 'tcp://{peer}:5558' }, 'wherever engines dial in from'],
    [{ bind: 'ipc:///x', replay: 'ipc:///y' }, 'ipc has no ports'],
    [{ connect, replay: 'tcp://10.0.0.7:5558' }, 'one rank'],
    [{ connect, replay: 'tcp://10.0.0.7:5559', dataParallelSize: 2 }, 'the ranks are side by side'],
    [{ connect, replay: 'tcp://10.0.0.7:5555', dataParallelSize: 2 }, 'replay may be below'],
    [{ connect, replay: 'tcp://proxy:5558', dataParallelSize: 8 }, 'another host has other ports'],
    [{ connect, replay: 'tcp://10.0.0.7:65534', dataParallelSize: 2 }, 'the last port'],
  ])('may be %j: %s', async (source, _) => {
    const { config } = await withSource(source, allowed);
    expect(config.sources[0]?.replay).toBe(source.replay);
  });
});

const refused: readonly (readonly [Record<string, unknown>, RegExp])[] = [
  [
    { bind, replay: 'tcp://{pod}:5558' },
    /"tcp:\/\/\{pod\}:5558" has the unknown placeholder \{pod\}: \{pod_host\} and \{peer\} are/,
  ],
  [{ bind, replay: 'tcp://{pod_host}:{port}' }, /unknown placeholder \{port\}/],
  [{ bind, replay: 'tcp://{a}{}:1' }, /unknown placeholder \{a\}, \{\}:/],
  [{ bind, replay: 'tcp://{pod_host}.svc:5558' }, /must have \{pod_host\} as its whole host/],
  [{ bind, replay: 'tcp://[{pod_host}]:5558' }, /as its whole host/],
  [{ bind, replay: 'tcp://{pod_host}{pod_host}:5558' }, /as its whole host/],
  [{ bind, replay: 'ipc:///run/{pod_host}' }, /as its whole host/],
  [{ bind, replay: 'tcp://{pod_host}' }, /as its whole host/],
  [{ bind, replay: 'tcp://{pod_host:5558' }, /must be tcp:\/\/host:port/],
  [{ bind, replay: 'tcp://{pod_host}:' }, /must be tcp:\/\/host:port/],
  [{ bind, replay: 'tcp://{pod_host}:0' }, /port 0: must be from 1 to 65535/],
  [{ bind, replay: 'tcp://{pod_host}:65536' }, /port 65536/],
  [{ bind, replay: 'tcp://{pod_host}:65535', dataParallelSize: 2 }, /dataParallelSize 2 needs ports up to 65536/],
  [{ bind, replay: 'tcp://{peer}{pod_host}:5558' }, /must have \{peer\} as its whole host/],
  [{ bind, replay: 'tcp://{peer}:5558', transport: 'libzmq' }, /which libzmq does not tell: use \{pod_host\}/],
  [{ bind, replay: 'tcp://*:5558' }, /no host to dial/],
  [{ connect, replay: '5558' }, /must begin with tcp:\/\//],
  [{ connect, replay: 'tcp://fd00::7:5558' }, /stands in brackets/],
  [{ connect, replay: template }, /is a template.*write this engine's own replay endpoint/],
  [{ connect, replay: 'ipc:///x', dataParallelSize: 2 }, /no port to count ranks on/],
  [{ connect, replay: connect }, /is where the events come from/],
];

describe('a replay endpoint is refused', () => {
  it.each(refused)('%j', async (source, pattern) => {
    const problems = await problemsOf(withSource(source, allowed));
    expect(problems).toEqual([expect.stringMatching(pattern)]);
    expect(problems[0]).toMatch(/^sources\[0\]\.replay: ".*\(env SOURCES\)$/);
  });

  it('that is a template where no network is allowed', async () => {
    const pattern = /depends on topics.*list the networks of the engines in replay\.allow/;
    expect(await problemsOf(withSource({ bind, replay: template }))).toEqual([expect.stringMatching(pattern)]);
    await load({ env: { REPLAY_ENDPOINT: 'tcp://{peer}:5558' } });
    const problems = await problemsOf(load({ env: { REPLAY_ENDPOINT: template } }));
    expect(problems).toEqual([expect.stringMatching(/^replay\.endpoint: .*\(env REPLAY_ENDPOINT\)$/)]);
    expect(problems).toEqual([expect.stringMatching(pattern)]);
  });

  it('without a password that somebody put in', async () => {
    const problems = await problemsOf(withSource({ connect, replay: 'tcp://u:hunter2@h:1' }));
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain('hunter2');
  });
});

describe('replay ports that are publishing ports of other ranks', () => {
  it('are taken as they are, with a warning', async () => {
    const ranks = { connect, replay: 'tcp://10.0.0.7:5558', dataParallelSize: 2 };
    const { config, warnings } = await withSource(ranks);
    expect(config.sources[0]).toMatchObject({ replay: ranks.replay });
    expect(warnings).toEqual([
      expect.stringMatching(
        /takes ports 5558 to 5559, but the events come from ports 5557 to 5558: .*at least 2 apart/,
      ),
    ]);
    expect((await withSource({ ...ranks, replay: 'tcp://10.0.0.7:5560' })).warnings).toEqual([]);
  });
});

describe('replay.allow', () => {
  it.each([
    ['10.0.0.5', /"10\.0\.0\.5" has no prefix: write 10\.0\.0\.5\/32/],
    ['fd00::7', /write fd00::7\/128/],
    ['10.0.0.0/33', /has the prefix "33": must be from 0 to 32/],
    ['fd00::/129', /must be from 0 to 128/],
    ['10.0.0.0/08', /has the prefix "08"/],
    ['10.0.0.0/', /has the prefix ""/],
    ['10.0.0.0/255.0.0.0', /has the prefix "255\.0\.0\.0"/],
    ['10.0.0/8', /is no network: write address\/prefix/],
    ['pods/8', /is no network/],
    ['fe80::1%eth0/64', /is no network/],
    ['10.0.0.0/8/8', /is no network/],
  ])('refuses %s', async (network, pattern) => {
    const env = { REPLAY_ALLOW: `10.0.0.0/8,${network}`, REPLAY_ENDPOINT: template };
    const problems = await problemsOf(load({ env }));
    expect(problems).toEqual([expect.stringMatching(pattern)]);
    expect(problems[0]).toMatch(/^replay\.allow: .*\(env REPLAY_ALLOW\)$/);
  });
});
