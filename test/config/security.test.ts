import { describe, expect, it } from 'vitest';
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
