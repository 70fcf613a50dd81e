import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Rig } from '../ledger/rig.ts';
import type { Target } from '../ledger/target.ts';
import { fileTarget, Stores } from '../ledger/target.ts';
import { Program } from './bridge.ts';

const stores = new Stores();
const dir = mkdtempSync(join(tmpdir(), 'kv-rewind-'));
let rig: Rig | undefined;

beforeAll(() => stores.open('redis', 'kafka'), 300_000);
afterEach(() => rig?.close());
afterAll(async () => {
  await stores.close();
  rmSync(dir, { recursive: true, force: true });
});

const targets: [string, () => Promise<Target>][] = [
  ['file', async () => fileTarget(join(dir, 'records'))],
  ['redis exactly-once', () => stores.target('redis', 'exactly-once')],
  ['redis at-least-once', () => stores.target('redis', 'at-least-once')],
  ['kafka exactly-once', () => stores.target('kafka', 'exactly-once')],
  ['kafka at-least-once', () => stores.target('kafka', 'at-least-once')],
];

it.each(targets)(
  'a rewound stream comes again under the same ids: %s',
  async (_, make) => {
    const target = await make();
    rig = await Rig.make(target, 1);
    const [publisher] = rig.publishers;
    const env = { BRIDGE_NAME: 'rewound' };
    const first = await rig.start(env);
    await publisher?.publishes(60);
    await rig.caughtUp();
    expect(await first.stop(), first.stderr).toBe(0);
    const before = await target.records();
    const stream = String(before[0]?.stream);
    const args = ['--sink', target.kind, '--stream', stream, '--to', '40', '--yes'];
    const rewind = new Program('rewind', { args, env: { ...target.env, ...env } });
    expect(await rewind.exited, rewind.stderr).toBe(0);
    const second = await rig.start(env);
    await publisher?.publishes(5);
    await rig.caughtUp();
    const refused = new Program('rewind', { args, env: { ...target.env, ...env } });
    if (!target.kind.startsWith('kafka') || target.env['KAFKA_DELIVERY'] === 'exactly-once')
      expect(await refused.exited, refused.stdout).toBe(1);
    else await refused.stop('SIGKILL');
    if (!target.kind.startsWith('kafka')) expect(refused.stderr).toContain('; end it');
    expect(await second.stop(), second.stderr).toBe(0);
    const all = await target.records();
    const isFrom40 = ({ seq, index }: { seq: string | null; index: number | null }) =>
      index !== null && Number(seq) >= 40;
    const ids = all.map(({ id }) => id);
    const again = all.slice(before.length).map(({ id }) => id);
    for (const { id } of before.filter(isFrom40)) expect(again).toContain(id);
    expect(ids.filter((id) => id.includes('StreamGap') || id.includes('StreamRestarted'))).toEqual([]);
    expect(new Set(all.map(({ epoch }) => epoch)).size).toBe(1);
  },
  60_000,
);
