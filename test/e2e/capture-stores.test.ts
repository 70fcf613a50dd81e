import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Target } from '../ledger/target.ts';
import { fileTarget, Stores } from '../ledger/target.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import { compareTruth } from '../support/truth.ts';
import { Bridge, Program } from './bridge.ts';
import type { StoredRecord } from './records.ts';
import { linesOf, parseRecords, readTruth } from './records.ts';
import { track } from './track.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-e2e-capture-stores-'));
const file = join(folder, 'a.kvcap');
const truth = join(folder, 'truth.jsonl');
const stores = new Stores();

beforeAll(async () => {
  const flags = ['--scenario', 'mixed', '--count', '400', '--rate', '50', '--ranks', '2', '--truth', truth];
  const engine = new Program('simulate', { args: ['--capture', file, ...flags] });
  await Promise.all([engine.exited, stores.open('redis', 'kafka')]);
}, 300_000);
afterAll(async () => {
  await stores.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Replays everything as fast as it goes; gives its summary. */
async function replay({ kind, env }: Target, ...args: string[]): Promise<Record<string, unknown>> {
  // A bridge of this machine would be configured like this; the command does not become that bridge.
  const production = { ...env, SINKS: 'stdout', BRIDGE_NAME: 'production' };
  const all = [file, '--to', kind, '--speed', 'max', '--json', ...args];
  const program = track(new Program('replay', { args: all, env: production }));
  expect(await program.exited, program.stderr).toBe(0);
  return JSON.parse(program.stdout) as Record<string, unknown>;
}

const idsOf = (records: readonly StoredRecord[]) => records.map(({ id }) => id);

const targets: readonly (readonly [string, () => Promise<Target>])[] = [
  ['Redis, at least once', () => stores.target('redis', 'at-least-once')],
  ['Redis, exactly once', () => stores.target('redis', 'exactly-once')],
  ['Kafka, at least once', () => stores.target('kafka', 'at-least-once')],
  ['Kafka, exactly once', () => stores.target('kafka', 'exactly-once')],
  ['files', async () => fileTarget(join(folder, 'data'))],
];

describe('a capture replayed into a store', () => {
  it.each(targets)(
    '%s: what was published is what is there, under the ids of the capture',
    async (_, make) => {
      const target = await make();
      const summary = await replay(target);
      const records = (await target.records()) as StoredRecord[];
      expect(compareTruth(readTruth(truth), records)).toMatchObject({ streams: 2, batches: 800, gaps: 0 });
      expect(summary).toMatchObject({
        ...{ complete: true, frames: 800, of: 800, gaps: 0 },
        sinks: { [target.kind]: { records: records.length, dead_lettered: 0, dropped: 0, unwritten: 0 } },
      });
      const direct = new Program('replay', { args: [file, '--speed', 'max'] });
      expect(await direct.exited, direct.stderr).toBe(0);
      expect(idsOf(records).sort()).toEqual(idsOf(parseRecords(linesOf(direct.stdout))).sort());
    },
    60_000,
  );

  it('again under another name: the same ids, so that consumers drop them', async () => {
    const target = await stores.target('redis', 'exactly-once');
    await replay(target);
    const first = (await target.records()) as StoredRecord[];
    await replay(target, '--name', 'another');
    const both = (await target.records()) as StoredRecord[];
    expect(idsOf(both)).toEqual([...idsOf(first), ...idsOf(first)]);
  });

  it('again under the same name: a publisher that has restarted, as to a bridge, and nothing is missing', async () => {
    const target = await stores.target('redis', 'exactly-once');
    await replay(target);
    const first = (await target.records()).length;
    expect(await replay(target)).toMatchObject({ complete: true, streams: 2, restarts: 2 });
    const second = ((await target.records()) as StoredRecord[]).slice(first);
    expect(second.filter(({ type }) => type === 'StreamRestarted')).toHaveLength(2);
    expect(
      compareTruth(
        readTruth(truth),
        second.filter(({ type }) => type !== 'StreamRestarted'),
      ),
    ).toMatchObject({ batches: 800, gaps: 0 });
  });
});

describe('a replay beside a running bridge in the same store', () => {
  it('never takes its name: it is not fenced and goes on', async () => {
    const target = await stores.target('redis', 'exactly-once');
    const port = await freePorts();
    const env = { ...target.env, ZMQ_PORT: String(port), BRIDGE_NAME: 'production' };
    const bridge = track(await Bridge.start(env));
    await bridge.ready();
    await replay(target);
    const engine = track(
      new Program('simulate', { args: ['--connect', `tcp://127.0.0.1:${port}`, '--pod', 'live', '--count', '50'] }),
    );
    expect(await engine.exited, engine.stderr).toBe(0);
    const live = async () => (await target.records()).filter(({ topic }) => topic.includes('@live@'));
    await waitFor(async () => (await live()).some(({ seq }) => seq === '49'), { what: 'the bridge still writes' });
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    expect(bridge.stderr).not.toContain('FENCED');
  });
});

describe('a replay whose sink is away', () => {
  it('says so, waits, and goes on when it is back', async () => {
    const target = await stores.target('redis', 'at-least-once');
    await target.service.kill();
    const args = [file, '--to', 'redis', '--speed', 'max', '--json'];
    // At the end it waits for as long as it takes: that limit is one for Ctrl-C.
    const program = track(
      new Program('replay', { args, env: { ...target.env, DRAIN_TIMEOUT: '100ms', CHECKPOINT_WAIT: '0' } }),
    );
    await waitFor(() => program.stderr.includes('trying again until it works'), { what: 'it says so' });
    // All is read by now, and it does not end.
    expect(await Promise.race([program.exited, sleep(2_500).then(() => 'still there')])).toBe('still there');
    await target.service.start();
    expect(await program.exited, program.stderr).toBe(0);
    const records = (await target.records()) as StoredRecord[];
    expect(compareTruth(readTruth(truth), records)).toMatchObject({ batches: 800, gaps: 0 });
  });

  it('ends on Ctrl-C with exit code 1 and says what is missing', async () => {
    const target = await stores.target('redis', 'exactly-once');
    await target.service.kill();
    const env = { ...target.env, DRAIN_TIMEOUT: '100ms' };
    const program = track(new Program('replay', { args: [file, '--to', 'redis', '--speed', 'max', '--json'], env }));
    await waitFor(() => program.stderr.includes('trying again until it works'), { what: 'it says so' });
    expect(await program.stop('SIGINT'), program.stderr).toBe(1);
    expect(JSON.parse(program.stdout)).toMatchObject({ complete: false, sinks: { redis: { records: 0 } } });
    await target.service.start();
  });
});
