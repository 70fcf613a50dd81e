import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { CaptureFile } from '../../src/capture/file.ts';
import { createCapture } from '../../src/capture/file.ts';
import { CaptureReader, isCapture } from '../../src/capture/reader.ts';
import { CaptureWriter } from '../../src/capture/writer.ts';
import type { Frame } from '../../src/core/frame.ts';
import { meta, readBack, someFrame } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-capture-'));
let files = 0;
const fresh = () => join(folder, `${files++}.kvcap`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const frameOf = (size: number, number = 0): Frame => {
  const seq = Buffer.alloc(8);
  seq.writeBigUInt64BE(BigInt(number));
  return { ...someFrame, parts: [Buffer.from('t'), seq, Buffer.alloc(size, number)] };
};

describe('a capture in a file', () => {
  it('has all frames, also those larger than what is read at once, and nobody else may read it', async () => {
    const path = fresh();
    const writer = await CaptureWriter.begin(path, await createCapture(path, false), meta);
    const frames = [frameOf(10, 1), frameOf(3_000_000, 2), frameOf(0, 3), frameOf(1_048_576, 4), frameOf(5, 5)];
    expect(await writer.add(frames.slice(0, 2))).toBe(2);
    expect(await writer.add(frames.slice(2))).toBe(3);
    const { fileBytes, ...totals } = await writer.finish('count');
    const back = await readBack(path);
    const isSame = frames.map(({ parts }, at) => parts.every((part, of) => back.frames[at]?.parts[of]?.equals(part)));
    expect(isSame).toEqual(frames.map(() => true));
    expect(back.frames.map(({ parts, ...rest }) => [parts.length, rest])).toEqual(
      frames.map(({ parts, ...rest }) => [parts.length, rest]),
    );
    expect(back.ending).toEqual({ kind: 'complete', totals });
    expect(totals).toMatchObject({ frames: 5, bytes: 4_048_636, firstAt: someFrame.receivedAt, reason: 'count' });
    const stats = await stat(path);
    expect(stats.size).toBe(fileBytes);
    expect(stats.mode & 0o777).toBe(0o600);
    expect(await isCapture(path)).toBe(true);
  });

  it('copies what it takes: the memory of a frame may be used again at once', async () => {
    const path = fresh();
    const writer = await CaptureWriter.begin(path, await createCapture(path, false), meta);
    const payload = Buffer.from('first');
    const adding = writer.add([{ ...someFrame, parts: [payload] }]);
    payload.write('WRONG');
    await adding;
    await writer.finish('stopped');
    expect((await readBack(path)).frames[0]?.parts.map(String)).toEqual(['first']);
  });

  it('takes as many frames as it may', async () => {
    const path = fresh();
    const writer = await CaptureWriter.begin(path, await createCapture(path, false), meta, { frames: 3 });
    expect(await writer.add([frameOf(10), frameOf(10)])).toBe(2);
    expect(writer.full).toBeNull();
    expect(await writer.add([frameOf(10), frameOf(10)])).toBe(1);
    expect(writer.full).toBe('count');
    await writer.finish('count');
    expect((await readBack(path)).frames).toHaveLength(3);
  });

  it('ends before the frame that would make it too long, and takes none behind that', async () => {
    const path = fresh();
    const writer = await CaptureWriter.begin(path, await createCapture(path, false), meta, { bytes: 6_000 });
    expect(await writer.add([frameOf(10), frameOf(2_000), frameOf(10_000), frameOf(10)])).toBe(2);
    expect(writer.full).toBe('max-bytes');
    expect(await writer.add([frameOf(10)])).toBe(0);
    const { fileBytes } = await writer.finish('max-bytes');
    expect(fileBytes).toBeLessThanOrEqual(6_000);
    expect((await readBack(path)).frames).toHaveLength(2);
  });

  it('is never overwritten unless told, and then only a file', async () => {
    const path = fresh();
    await writeFile(path, 'mine', { mode: 0o644 });
    await expect(createCapture(path, false)).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('is there already'),
    });
    expect(await readFile(path, 'utf8')).toBe('mine');
    const link = fresh();
    await symlink(path, link);
    await expect(createCapture(link, false)).rejects.toMatchObject({ name: 'ConfigError' });
    await expect(createCapture(link, true)).rejects.toMatchObject({ message: expect.stringContaining('no regular') });
    const dir = fresh();
    await mkdir(dir);
    await expect(createCapture(dir, true)).rejects.toMatchObject({ message: expect.stringContaining('no regular') });
    await expect(createCapture(join(folder, 'no', 'x'), true)).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('existing folder'),
    });
    const file = await createCapture(path, true);
    await file.close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('can be read while it is written, up to its last whole record', async () => {
    const path = fresh();
    const writer = await CaptureWriter.begin(path, await createCapture(path, false), meta);
    await writer.add([frameOf(10, 1)]);
    await expect.poll(async () => (await readBack(path)).frames.length).toBe(1);
    expect((await readBack(path)).ending).toEqual({ kind: 'cut', offset: (await stat(path)).size });
    await writer.finish('stopped');
  });
});

/** A file of bytes in memory on a disk that is full after `room` of them. */
class SmallDisk implements CaptureFile {
  bytes = Buffer.alloc(0);
  room: number;
  mayTruncate = true;
  readonly held: (() => void)[] = [];
  isSlow = false;

  constructor(room: number) {
    this.room = room;
  }

  async write(bytes: Buffer, offset: number, length: number, position: number) {
    if (this.isSlow) await new Promise<void>((resolve) => this.held.push(resolve));
    const fits = Math.min(length, this.room - position);
    if (fits <= 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    this.bytes = Buffer.concat([this.bytes.subarray(0, position), bytes.subarray(offset, offset + fits)]);
    return { bytesWritten: fits };
  }

  async truncate(length: number) {
    if (!this.mayTruncate) throw new Error('no');
    this.bytes = this.bytes.subarray(0, length);
  }

  async sync() {}
  async close() {}
}

describe('a full disk', () => {
  it.each([true, false])('is said, and every frame that was written whole can be read (truncates: %s)', async (may) => {
    const path = fresh();
    const header = (await headerBytes()) + 1;
    for (let room = header; room < header + 1_500; room += 13) {
      const disk = new SmallDisk(room);
      disk.mayTruncate = may;
      const writer = await CaptureWriter.begin('x.kvcap', disk, meta);
      const adding = (async () => {
        for (let number = 0; number < 20; number += 1) await writer.add([frameOf(40, number), frameOf(60, number)]);
      })();
      await adding.catch(() => undefined);
      const finished = writer.finish('stopped');
      await expect(finished).rejects.toMatchObject({
        code: 'ENOSPC',
        message: expect.stringContaining('disk is full'),
      });
      await expect(adding).rejects.toMatchObject({ code: 'ENOSPC' });
      await writeFile(path, disk.bytes);
      const { frames, ending } = await readBack(path);
      const kept = Number(/(\d+) frames are in it/.exec(await finished.catch(({ message }) => message))?.[1]);
      expect(frames).toHaveLength(kept);
      expect(frames.map(({ parts }) => parts[1]?.readBigUInt64BE())).toEqual(
        frames.map((_, index) => BigInt(Math.floor(index / 2))),
      );
      expect(ending.kind).toBe('cut');
      if (may) expect(ending).toEqual({ kind: 'cut', offset: disk.bytes.length });
    }
  });

  it('at the very beginning is said as well', async () => {
    await expect(CaptureWriter.begin('x.kvcap', new SmallDisk(20), meta)).rejects.toMatchObject({ code: 'ENOSPC' });
  });
});

describe('a slow disk', () => {
  it('makes whoever receives wait, and holds a bounded number of bytes', async () => {
    const disk = new SmallDisk(Number.POSITIVE_INFINITY);
    const writer = await CaptureWriter.begin('x.kvcap', disk, meta);
    disk.isSlow = true;
    let added = 0;
    const adding = (async () => {
      for (; added < 30; added += 1) await writer.add([frameOf(1_000_000)]);
    })();
    await expect.poll(() => disk.held.length).toBe(1);
    await expect.poll(() => added).toBe(8);
    // Nothing is written meanwhile, and nothing more is taken.
    await new Promise(setImmediate);
    expect(writer.frames).toBe(9);
    disk.isSlow = false;
    for (const go of disk.held) go();
    await adding;
    expect(await writer.finish('stopped')).toMatchObject({ frames: 30 });
  });
});

async function headerBytes(): Promise<number> {
  const disk = new SmallDisk(Number.POSITIVE_INFINITY);
  await CaptureWriter.begin('x.kvcap', disk, meta);
  return disk.bytes.length;
}

describe('opening a capture', () => {
  it('refuses what is none, and says where one ends that was cut before its first frame', async () => {
    const path = fresh();
    await writeFile(path, '{"v":1}\n');
    await expect(CaptureReader.open(path)).rejects.toMatchObject({
      code: 'CAPTURE_DAMAGED',
      message: `${path} is damaged at byte 0: this is no capture of kv-event-bridge`,
    });
    expect(await isCapture(path)).toBe(false);
    await writeFile(path, '');
    await expect(CaptureReader.open(path)).rejects.toMatchObject({ code: 'CAPTURE_CUT' });
    await expect(CaptureReader.open(folder)).rejects.toMatchObject({ code: 'UNREADABLE' });
    await expect(CaptureReader.open(join(folder, 'none'))).rejects.toMatchObject({ code: 'UNREADABLE' });
  });
});
