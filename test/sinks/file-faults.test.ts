import type { FileHandle } from 'node:fs/promises';
import { open as openFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Sink } from '../../src/core/sink.ts';
import { documentsOf, eventBatches, testStream } from '../support/batches.ts';
import { waitUntil } from '../support/wait.ts';
import type { FileConfig, Opened } from './file-harness.ts';
import { linesIn, makeFileSink, temporaryFolder } from './file-harness.ts';

// What a disk does too seldom to wait for is injected where Node hands a call to the system: in the class of all handles.
const stream = testStream();
const batches = eventBatches(stream, 0, 6);
const open: Sink[] = [];
let dir: string;
let handles: FileHandle;

beforeEach(async () => {
  dir = await temporaryFolder();
  const probe = await openFile(join(dir, 'probe'), 'w');
  handles = Object.getPrototypeOf(probe);
  await probe.close();
});

afterEach(async () => {
  vi.restoreAllMocks();
  for (const sink of open.splice(0)) await sink.close();
  await rm(dir, { recursive: true, force: true });
});

async function connected(config: Partial<FileConfig>): Promise<Opened> {
  const opened = await makeFileSink({ dir, ...config });
  open.push(opened.sink);
  await opened.sink.connect();
  return opened;
}

/** The one form of `write` that the sink uses; the class has several. */
type RawWrite = (bytes: Buffer, offset: number, length: number, position: number) => Promise<never>;

const broken = (code: string) => Object.assign(new Error(`${code}: injected`), { code });

describe('file sink: durability', () => {
  it('resolves after the disk has confirmed, with fsync: always', async () => {
    const { sink } = await connected({ fsync: 'always' });
    const order: string[] = [];
    const { datasync } = handles;
    vi.spyOn(handles, 'datasync').mockImplementation(async function (this: FileHandle) {
      expect(await linesIn(dir)).toEqual(documentsOf(batches));
      await datasync.call(this);
      order.push('synced');
    });
    await sink.write(batches);
    order.push('resolved');
    expect(order).toEqual(['synced', 'resolved']);
  });

  it('syncs on its own with fsync: interval, and stops when nothing is new', async () => {
    const { sink } = await connected({ fsync: 'interval', fsyncInterval: 10 });
    const datasync = vi.spyOn(handles, 'datasync');
    await sink.write(batches.slice(0, 3));
    await waitUntil(() => expect(datasync).toHaveBeenCalledTimes(1));
    await sink.write(batches.slice(3));
    await waitUntil(() => expect(datasync).toHaveBeenCalledTimes(2));
  });

  it('never syncs with fsync: never', async () => {
    const datasync = vi.spyOn(handles, 'datasync');
    const sync = vi.spyOn(handles, 'sync');
    const { sink } = await connected({ fsync: 'never', segmentBytes: 1_024 });
    await sink.write(batches);
    await sink.close();
    expect([datasync.mock.calls.length, sync.mock.calls.length]).toEqual([0, 0]);
  });

  it('syncs before it leaves a segment and before it closes, with fsync: interval', async () => {
    const { sink } = await connected({ fsync: 'interval', fsyncInterval: 3_600_000, segmentBytes: 1_024 });
    const datasync = vi.spyOn(handles, 'datasync');
    await sink.write(batches.slice(0, 3));
    expect(datasync).toHaveBeenCalledTimes(2);
    await sink.close();
    expect(datasync).toHaveBeenCalledTimes(3);
  });
});

describe('file sink: a failing disk', () => {
  it('leaves nothing behind when the disk does not confirm, and counts nothing', async () => {
    const { sink } = await connected({ fsync: 'always' });
    await sink.write(batches.slice(0, 2));
    vi.spyOn(handles, 'datasync').mockRejectedValueOnce(broken('EIO'));
    await expect(sink.write(batches.slice(2))).rejects.toMatchObject({
      name: 'SinkError',
      kind: 'destination',
      code: 'EIO',
      written: 0,
      message: expect.stringMatching(/^file: .*check it/),
    });
    expect(await linesIn(dir)).toEqual(documentsOf(batches.slice(0, 2)));
    await sink.write(batches.slice(2));
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });

  it('brings a sync that failed in the background to light at the next write', async () => {
    const { sink } = await connected({ fsync: 'interval', fsyncInterval: 10 });
    const datasync = vi.spyOn(handles, 'datasync').mockRejectedValue(broken('EIO'));
    await sink.write(batches.slice(0, 2));
    await waitUntil(() => expect(datasync).toHaveBeenCalled());
    await expect(sink.write(batches.slice(2))).rejects.toMatchObject({ code: 'EIO', written: 0 });
    datasync.mockRestore();
    await sink.write(batches.slice(2));
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });

  it('tells of a sync that failed in the background, also when the next one succeeds before anything is written', async () => {
    const { sink, notes } = await connected({ fsync: 'interval', fsyncInterval: 10 });
    const datasync = vi.spyOn(handles, 'datasync').mockRejectedValueOnce(broken('EIO'));
    await sink.write(batches.slice(0, 2));
    await waitUntil(() => expect(datasync).toHaveBeenCalledTimes(2));
    expect(notes).toMatchObject([{ code: 'EIO', message: expect.stringMatching(/may not be on the disk/) }]);
    await sink.write(batches.slice(2));
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });

  it('goes on where the system took only a part', async () => {
    const { sink } = await connected({});
    const write = handles.write as unknown as RawWrite;
    vi.spyOn(handles, 'write').mockImplementation(function (this: FileHandle, ...args: unknown[]) {
      const [bytes, offset, length, position] = args as [Buffer, number, number, number];
      return write.call(this, bytes, offset, Math.min(length, 100), position);
    });
    await sink.write(batches);
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });

  it('cuts a torn line before the next write when it could not at once', async () => {
    const { sink } = await connected({});
    const write = handles.write as unknown as RawWrite;
    let calls = 0;
    vi.spyOn(handles, 'write').mockImplementation(function (this: FileHandle, ...args: unknown[]) {
      calls += 1;
      if (calls === 2) throw broken('ENOSPC');
      const [bytes, offset, length, position] = args as [Buffer, number, number, number];
      return write.call(this, bytes, offset, calls === 1 ? 100 : length, position);
    });
    vi.spyOn(handles, 'truncate').mockRejectedValueOnce(broken('EIO'));
    await expect(sink.write(batches)).rejects.toMatchObject({ kind: 'destination', code: 'ENOSPC', written: 0 });
    await sink.write(batches);
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });

  it('counts the batches in segments that were finished before the failure', async () => {
    const { sink } = await connected({ fsync: 'always', segmentBytes: 1_024 });
    const { datasync } = handles;
    let calls = 0;
    vi.spyOn(handles, 'datasync').mockImplementation(async function (this: FileHandle) {
      calls += 1;
      if (calls === 4) throw broken('EIO');
      await datasync.call(this);
    });
    await expect(sink.write(batches)).rejects.toMatchObject({ code: 'EIO', written: 3 });
    await sink.write(batches.slice(3));
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });

  it.each([
    ['ENOSPC', 'destination', /free some space/],
    ['EDQUOT', 'destination', /quota/],
    ['EACCES', 'destination', /right to write/],
    ['EROFS', 'destination', /read-only/],
    ['EIO', 'destination', /disk/],
    ['EMFILE', 'transient', /EMFILE/],
    ['EBUSY', 'transient', /EBUSY/],
  ])('says what to do about %s', async (code, kind, remedy) => {
    const { sink } = await connected({});
    vi.spyOn(handles, 'write').mockRejectedValueOnce(broken(code));
    await expect(sink.write(batches)).rejects.toMatchObject({ kind, code, message: expect.stringMatching(remedy) });
  });

  it('closes although the disk does not answer', async () => {
    const { sink } = await connected({ fsync: 'always' });
    vi.spyOn(handles, 'datasync').mockImplementation(() => new Promise(() => {}));
    sink.write(batches).catch(() => {});
    await sink.close();
  });

  it('notes at close that the last records may not be on the disk', async () => {
    const { sink, notes } = await connected({ fsync: 'interval', fsyncInterval: 3_600_000 });
    await sink.write(batches);
    vi.spyOn(handles, 'datasync').mockRejectedValueOnce(broken('EIO'));
    await sink.close();
    expect(notes).toMatchObject([{ code: 'EIO', message: expect.stringContaining('may not be on the disk') }]);
  });
});
