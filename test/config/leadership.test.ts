import { describe, expect, it } from 'vitest';
import { load, loadYaml, problemsOf } from './support.ts';

const exactly = { SINKS: 'lamp', LAMP_DELIVERY: 'exactly-once' };
const named = { BRIDGE_NAME: 'fleet-a' };
const connected = 'sources: [{ name: a, connect: "tcp://engine:5557" }]\n';

describe('leadership', () => {
  it('is set by four settings, all readable from the environment', async () => {
    const env = { ...exactly, ...named, STANDBY: 'true', ON_FENCED: 'standby', LEASE_TTL: '3s', CHECKPOINT_WAIT: '0' };
    const { config, warnings } = await loadYaml(connected, { env });
    expect(config).toMatchObject({ standby: true, onFenced: 'standby', leaseTtl: 3_000, checkpointWait: 0 });
    expect(warnings).toEqual([]);
  });

  it.each([
    [{ LEASE_TTL: '999ms' }, /^leaseTtl: 999 is not allowed, must be a duration .*from 1s to 1h \(env LEASE_TTL\)$/],
    [{ STANDBY: 'yes' }, /^standby: "yes" is not allowed, must be true or false/],
    [{ ON_FENCED: 'wait' }, /^onFenced: "wait" is not allowed, must be one of exit, standby/],
  ])('refuses %j', async (env, pattern) => {
    expect(await problemsOf(load({ env }))).toEqual([expect.stringMatching(pattern)]);
  });

  it.each([
    [exactly, 'lamp.delivery is exactly-once (env LAMP_DELIVERY)'],
    [
      { ...exactly, STANDBY: 'true', ON_FENCED: 'standby' },
      'lamp.delivery is exactly-once (env LAMP_DELIVERY) and standby is true (env STANDBY) and onFenced is standby (env ON_FENCED)',
    ],
  ])('asks for a name that somebody chose: %j', async (env, asking) => {
    expect(await problemsOf(load({ env }))).toEqual([
      `name: is "kv-event-bridge" by default, but ${asking}: of two bridges with one name the newer stops the older, ` +
        'so give this one a name of its own (BRIDGE_NAME) (default)',
    ]);
  });

  it('takes the default name as well once somebody chose it', async () => {
    const { config } = await load({ env: { ...exactly, BRIDGE_NAME: 'kv-event-bridge' } });
    expect(config.name).toBe('kv-event-bridge');
  });

  it('does not ask for a name where the exactly-once sink is not enabled', async () => {
    await expect(load({ env: { ...exactly, SINKS: 'stdout' } })).resolves.toBeDefined();
  });

  it.each([
    ['standby', { STANDBY: 'true' }, 'is true', '(env STANDBY)'],
    ['onFenced', { ON_FENCED: 'standby' }, 'is standby', '(env ON_FENCED)'],
  ])('%s needs a sink that fences, and names the setting that makes it one', async (key, env, value, origin) => {
    const lacking = (remedy: string) =>
      `${key}: ${value}, but no enabled sink has delivery exactly-once, and only such a one can tell which bridge is active: ${remedy} ${origin}`;
    expect(await problemsOf(load({ env: { ...named, ...env, SINKS: 'stdout,lamp' } }))).toEqual([
      lacking('set lamp.delivery to exactly-once'),
    ]);
    expect(await problemsOf(load({ env: { ...named, ...env, SINKS: 'stdout' } }))).toEqual([
      lacking('enable one that has the setting delivery (redis, kafka) and set it to exactly-once'),
    ]);
  });

  it('says nothing about missing sinks where the list or their sections are wrong themselves', async () => {
    const env = { ...named, STANDBY: 'true' };
    expect(await problemsOf(load({ env: { ...env, SINKS: 'lmap' } }))).toEqual([expect.stringMatching(/^sinks: /)]);
    expect(await problemsOf(load({ env: { ...env, SINKS: 'lamp', LAMP_DELIVERY: 'exactly' } }))).toEqual([
      expect.stringMatching(/^lamp\.delivery: "exactly" is not allowed/),
    ]);
  });

  it.each([{ STANDBY: 'true' }, { ON_FENCED: 'standby' }])('warns about bound sources with %j', async (env) => {
    const { warnings } = await load({ env: { ...exactly, ...named, ...env } });
    expect(warnings).toEqual([expect.stringMatching(/^bound source zmq: a standby does not listen .*use connect/)]);
  });

  it('has nothing against bound sources of a bridge without a standby', async () => {
    expect((await load({ env: { ...exactly, ...named } })).warnings).toEqual([]);
  });
});
