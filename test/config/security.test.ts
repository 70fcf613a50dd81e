import { describe, expect, it } from 'vitest';
import { speaksZmtp } from '../../src/config/transport.ts';
import { curvePairs } from '../support/security.ts';
import { load, loadYaml, problemsOf, tempFile } from './support.ts';

const canary = 'c4n4ry-S3cret';
const plain = { mechanism: 'PLAIN', username: 'bridge', password: canary };
const oneSource = (entry: object, env: Record<string, string> = {}) =>
  load({ env: { SOURCES: JSON.stringify([{ name: 'a', connect: 'tcp://h:5557', ...entry }]), ...env } });

describe('the security of a source', () => {
  it('is NULL unless told', async () => {
    expect((await load({})).config.sources[0]?.security).toEqual({ mechanism: 'NULL' });
  });

  it('is PLAIN with a user name and a password, which may come from a file', async () => {
    const env = { ZMQ_PLAIN_USERNAME: 'bridge', ZMQ_PLAIN_PASSWORD_FILE: tempFile('password', `${canary}\n`) };
    expect((await load({ env })).config.sources[0]?.security).toEqual(plain);
    const flags = { 'zmq-plain-username': 'bridge', 'zmq-plain-password': canary };
    expect((await load({ flags })).config.sources[0]?.security).toEqual(plain);
  });

  it('is that of the section zmq where an entry of sources has none of its own', async () => {
    const { config } = await loadYaml(
      `
zmq: { plainUsername: bridge }
sources:
  - { name: a, bind: "tcp://*:5557" }
  - { name: b, connect: "tcp://h:5557", plainUsername: other, plainPassword: secret }
  - { name: c, connect: "ipc:///run/kv", plainUsername: other }
`,
      { env: { ZMQ_PLAIN_PASSWORD: canary } },
    );
    expect(config.sources.map(({ security }) => security)).toEqual([
      plain,
      { mechanism: 'PLAIN', username: 'other', password: 'secret' },
      { mechanism: 'PLAIN', username: 'other', password: canary },
    ]);
  });

  it('is hidden wherever settings are shown', async () => {
    const { effective } = await oneSource({ plainUsername: 'bridge', plainPassword: canary });
    const { shown } = await import('../../src/config/mask.ts');
    const sources = effective.find(({ leaf }) => leaf.path === 'sources');
    expect(sources && shown(sources.leaf.setting, sources.value)).toBe(
      '[{"name":"a","connect":"tcp://h:5557","plainUsername":"bridge","plainPassword":"***"}]',
    );
  });

  it.each([
    [
      'zmq.plainPassword: is not set, but plainUsername is: PLAIN needs both; set it, or unset plainUsername (default)',
      () => load({ env: { ZMQ_PLAIN_USERNAME: 'bridge' } }),
    ],
    [
      'zmq.plainUsername: is not set, but plainPassword is: PLAIN needs both; set it, or unset plainPassword (default)',
      () => load({ env: { ZMQ_PLAIN_PASSWORD: canary } }),
    ],
    [
      'zmq.plainPassword: has 260 bytes: PLAIN allows 255, choose a shorter one here and in the engines (env ZMQ_PLAIN_PASSWORD)',
      () => load({ env: { ZMQ_PLAIN_USERNAME: 'bridge', ZMQ_PLAIN_PASSWORD: canary.repeat(20) } }),
    ],
    [
      'sources[0].plainPassword: is not set, but plainUsername is: PLAIN needs both; set it, or unset plainUsername (env SOURCES)',
      () => oneSource({ plainUsername: 'bridge' }),
    ],
    [
      'sources[0].plainUsername: has 256 bytes: PLAIN allows 255, choose a shorter one here and in the engines (env SOURCES)',
      () => oneSource({ plainUsername: 'é'.repeat(128), plainPassword: canary }),
    ],
  ])('%s', async (problem, loading) => {
    expect(await problemsOf(loading())).toEqual([problem]);
  });
});

describe('CURVE', () => {
  const { bridge, engine, security } = curvePairs();
  const keys = { curveSecretKey: bridge.secretKey, curveServerKey: engine.publicKey };
  const bound = { connect: undefined, bind: 'tcp://*:5557' };

  it('has the keys of both sides, and libzmq speaks it', async () => {
    const [source] = (await oneSource(keys)).config.sources;
    expect(source?.security).toEqual(security);
    expect(source && speaksZmtp(source)).toBe(false);
  });

  it('needs only its own secret key where engines dial in', async () => {
    const env = {
      ZMQ_CURVE_SECRET_KEY_FILE: tempFile('key', `${bridge.secretKey}\n`),
      ZMQ_CURVE_ALLOW: engine.publicKey,
    };
    const expected = { ...security, serverKey: null, allow: [engine.publicKey] };
    expect((await load({ env })).config.sources[0]?.security).toEqual(expected);
  });

  it('and PLAIN stand side by side: an entry with one does not inherit the other', async () => {
    const env = { ZMQ_PLAIN_USERNAME: 'bridge', ZMQ_PLAIN_PASSWORD: canary };
    expect((await oneSource(keys, env)).config.sources[0]?.security).toEqual(security);
    const curve = { ZMQ_CURVE_SECRET_KEY: bridge.secretKey, ZMQ_CURVE_SERVER_KEY: engine.publicKey };
    const own = { plainUsername: 'bridge', plainPassword: canary };
    expect((await oneSource(own, curve)).config.sources[0]?.security).toEqual(plain);
    expect((await oneSource({}, curve)).config.sources[0]?.security).toEqual(security);
  });

  it('shows public keys and no secret one', async () => {
    const odd = `@?${engine.publicKey.slice(2)}`;
    const { effective } = await oneSource({ ...keys, curveServerKey: odd });
    const { shown } = await import('../../src/config/mask.ts');
    const sources = effective.find(({ leaf }) => leaf.path === 'sources');
    const text = sources === undefined ? '' : shown(sources.leaf.setting, sources.value);
    expect(text).toContain(odd);
    expect(text).not.toContain(bridge.secretKey);
  });

  const noKey = (what: string) =>
    `is no key: keys are 40 characters of Z85, as \`kv-event-bridge keys\` prints them; this has ${what} (env SOURCES)`;

  it.each([
    [
      'sources[0].curveSecretKey: is not set: for CURVE the bridge has a key pair; `kv-event-bridge keys` makes one (env SOURCES)',
      { curveServerKey: engine.publicKey },
    ],
    [
      'sources[0].curveServerKey: is not set: set it to the public key of the engine (env SOURCES)',
      { curveSecretKey: bridge.secretKey },
    ],
    [
      'sources[0].curveServerKey: is not set: set it to the public key of the replay sockets, or unset replay (env SOURCES)',
      { ...bound, curveSecretKey: bridge.secretKey, replay: 'tcp://h:5558' },
    ],
    [`sources[0].curveSecretKey: ${noKey('39 characters')}`, { ...keys, curveSecretKey: bridge.secretKey.slice(1) }],
    [
      `sources[0].curveServerKey: ${noKey('a character that Z85 does not have')}`,
      { ...keys, curveServerKey: `"${engine.publicKey.slice(1)}` },
    ],
    [`sources[0].curveAllow: ${noKey('1 characters')}`, { ...bound, ...keys, curveAllow: [engine.publicKey, 'x'] }],
    [
      'sources[0].transport: "zmtp" does not speak CURVE: use "auto" or "libzmq" (env SOURCES)',
      { ...keys, transport: 'zmtp' },
    ],
    [
      'sources[0].identity: "peer" needs the address that an engine dials in from, which libzmq does not tell: use "auto" or "topic", or the transport zmtp (env SOURCES)',
      { ...bound, ...keys, identity: 'peer' },
    ],
    [
      'sources[0].plainUsername: is set beside CURVE keys: a source has one mechanism; unset plainUsername and plainPassword, or the keys (env SOURCES)',
      { ...keys, plainUsername: 'bridge', plainPassword: canary },
    ],
  ])('%s', async (problem, entry) => {
    expect(await problemsOf(oneSource(entry))).toEqual([problem]);
  });
});
