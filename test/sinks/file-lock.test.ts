import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Sink } from '../../src/core/sink.ts';
import type { Holder } from '../../src/sinks/file/holder.ts';
import { ourselves } from '../../src/sinks/file/holder.ts';
import { documentsOf, eventBatches, testStream } from '../support/batches.ts';
import { linesIn, makeFileSink, temporaryFolder } from './file-harness.ts';

const batches = eventBatches(testStream(), 0, 4);
const made: Sink[] = [];
let dir: string;
let us: Holder;

beforeEach(async () => {
  dir = await temporaryFolder();
  us = await ourselves();
});

afterEach(async () => {
  vi.useRealTimers();
  for (const sink of made.splice(0)) await sink.close();
  await rm(dir, { recursive: true, force: true });
});

async function make(): Promise<Sink> {
  const { sink } = await makeFileSink({ dir });
  made.push(sink);
  return sink;
}

const lockPath = () => join(dir, '.lock');
const leaveLock = (holder: Partial<Holder>) => writeFile(lockPath(), JSON.stringify({ ...us, ...holder }));

/** A holder that our system cannot ask about. */
const elsewhere = { host: 'node-b', pid: 7, space: 'another boot' };

describe('file sink: one bridge per folder', () => {
  it('refuses a folder that another sink writes, and says who it is', async () => {
    const first = await make();
    await first.connect();
    const second = await make();
    await expect(second.connect()).rejects.toMatchObject({
      name: 'SinkError',
      code: 'LOCKED',
      message: expect.stringMatching(/process \d+ on .*file\.dir/),
    });
    await second.close();
    await first.write(batches);
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
    await first.close();
    const third = await make();
    await third.connect();
  });

  it('leaves no lock after close', async () => {
    const sink = await make();
    await sink.connect();
    expect(await readdir(dir)).toContain('.lock');
    await sink.close();
    expect(await readdir(dir)).not.toContain('.lock');
  });

  it('takes the lock of a dead process at once, also when its number is in use again', async () => {
    if (us.space === null) return;
    for (const holder of [{ pid: 2 ** 30 }, { started: '1' }]) {
      await leaveLock({ ...holder, token: crypto.randomUUID() });
      const sink = await make();
      await sink.connect();
      await sink.close();
    }
  });

  it('waits for the lock of another machine until nobody has touched it for ten seconds', async () => {
    await leaveLock(elsewhere);
    vi.useFakeTimers({ toFake: ['performance'] });
    const sink = await make();
    const refused = { kind: 'transient', code: 'LOCKED', message: expect.stringContaining('node-b') };
    await expect(sink.connect()).rejects.toMatchObject(refused);
    vi.advanceTimersByTime(9_000);
    await utimes(lockPath(), new Date(), new Date(Date.now() + 1_000));
    await expect(sink.connect()).rejects.toMatchObject(refused);
    vi.advanceTimersByTime(9_000);
    await expect(sink.connect()).rejects.toMatchObject(refused);
    vi.advanceTimersByTime(1_001);
    await sink.connect();
    await sink.write(batches);
  });

  it.each(['', 'half a lo', '{"token":"../../etc"}'])('waits as long for a lock it cannot read: %j', async (text) => {
    await writeFile(lockPath(), text);
    vi.useFakeTimers({ toFake: ['performance'] });
    const sink = await make();
    await expect(sink.connect()).rejects.toMatchObject({ code: 'LOCKED' });
    vi.advanceTimersByTime(10_001);
    await sink.connect();
    expect((await readdir(dir)).sort()).toEqual(['.lock', 'records-00000001.ndjson']);
  });

  it('is not kept out for ever by one that died while it took over', async () => {
    const token = crypto.randomUUID();
    await leaveLock({ ...elsewhere, token });
    await writeFile(`${lockPath()}.${token}`, '');
    vi.useFakeTimers({ toFake: ['performance'] });
    const sink = await make();
    for (let n = 0; n < 2; n += 1) {
      await expect(sink.connect()).rejects.toMatchObject({ code: 'LOCKED' });
      vi.advanceTimersByTime(10_001);
    }
    await expect(sink.connect()).rejects.toMatchObject({ code: 'LOCKED' });
    await sink.connect();
  });

  it('lets exactly one of many take over a dead lock', async () => {
    if (us.space === null) return;
    for (let round = 0; round < 20; round += 1) {
      await leaveLock({ token: crypto.randomUUID(), pid: 2 ** 30 });
      const rivals = await Promise.all(Array.from({ length: 8 }, make));
      const connect = async (sink: Sink) => {
        // A rival may have to ask again; whoever is refused to the end has lost.
        for (let tries = 0; tries < 3; tries += 1) {
          const done = await sink.connect().then(
            () => true,
            () => false,
          );
          if (done) return true;
        }
        return false;
      };
      const winners = (await Promise.all(rivals.map(connect))).filter((won) => won);
      expect(winners).toHaveLength(1);
      for (const sink of rivals) await sink.close();
    }
  });

  it('stops writing when its lock was taken while it was frozen', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const sink = await make();
    await sink.connect();
    await sink.write(batches.slice(0, 2));
    await leaveLock({ ...elsewhere, token: crypto.randomUUID() });
    vi.advanceTimersByTime(5_000);
    await expect(sink.write(batches.slice(2))).rejects.toMatchObject({ kind: 'reopen', code: 'LOCK_LOST', written: 0 });
    await expect(sink.connect()).rejects.toMatchObject({ code: 'LOCKED' });
    await expect(sink.write(batches.slice(2))).rejects.toMatchObject({ kind: 'reopen', code: 'NOT_OPEN', written: 0 });
    expect(await linesIn(dir)).toEqual(documentsOf(batches.slice(0, 2)));
    await sink.close();
    expect(await readFile(lockPath(), 'utf8')).toContain('node-b');
  });
});
