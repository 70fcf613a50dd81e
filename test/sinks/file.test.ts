import { mkdir, readFile, rm, stat, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Held, Position } from '../../src/core/checkpoint.ts';
import { ConfigError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';
import { expired } from '../../src/sinks/file/folder.ts';
import { fileSink } from '../../src/sinks/file.ts';
import { documentsOf, eventBatch, eventBatches, testStream } from '../support/batches.ts';
import { defaultsOf } from '../support/defaults.ts';
import { waitUntil } from '../support/wait.ts';
import type { FileConfig, Opened } from './file-harness.ts';
import { linesIn, makeFileSink, segmentNames, temporaryFolder } from './file-harness.ts';

const stream = testStream();
const open: Sink[] = [];
let dir: string;

beforeEach(async () => {
  dir = await temporaryFolder();
});

afterEach(async () => {
  for (const sink of open.splice(0)) await sink.close();
  await rm(dir, { recursive: true, force: true });
});

async function connected(config: Partial<FileConfig> = {}): Promise<Opened> {
  const opened = await makeFileSink({ dir, ...config });
  open.push(opened.sink);
  await opened.sink.connect();
  return opened;
}

describe('file sink: segments', () => {
  it('makes the folder and names the first segment records-00000001.ndjson', async () => {
    const deep = join(dir, 'a/b');
    const { sink } = await connected({ dir: deep });
    await sink.write([eventBatch(stream, 0)]);
    expect(await segmentNames(deep)).toEqual(['records-00000001.ndjson']);
  });

  it('begins a new segment before one gets too large, and never splits a batch', async () => {
    const batches = Array.from({ length: 30 }, (_, seq) => eventBatch(stream, seq, 3));
    const segmentBytes = 2.5 * (batches[0]?.bytes.length ?? 0);
    const { sink } = await connected({ segmentBytes });
    await sink.write(batches.slice(0, 7));
    await sink.write(batches.slice(7));
    const names = await segmentNames(dir);
    expect(names).toHaveLength(15);
    for (const name of names) {
      expect((await stat(join(dir, name))).size).toBeLessThanOrEqual(segmentBytes);
      const lines = (await readFile(join(dir, name), 'utf8')).trim().split('\n');
      expect(lines.length % 3).toBe(0);
    }
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });

  it('gives a batch larger than a segment one for itself', async () => {
    const { sink } = await connected({ segmentBytes: 2_000 });
    const batches = [eventBatch(stream, 0), eventBatch(stream, 1, 50), eventBatch(stream, 2)];
    await sink.write(batches);
    expect(await segmentNames(dir)).toHaveLength(3);
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });

  it('begins a new segment when the current one is old', async () => {
    const { sink } = await connected({ segmentAge: 60_000 });
    await sink.write([eventBatch(stream, 0)]);
    await sink.write([eventBatch(stream, 1)]);
    expect(await segmentNames(dir)).toHaveLength(1);
    await sink.close();
    const again = await connected({ segmentAge: 1 });
    await waitUntil(async () => {
      await again.sink.write([eventBatch(stream, 2)]);
      expect(await segmentNames(dir)).not.toHaveLength(1);
    });
  });

  it('leaves an old segment without records in use', async () => {
    const { sink } = await connected({ segmentAge: 1 });
    await waitUntil(async () => {
      const { birthtimeMs } = await stat(join(dir, 'records-00000001.ndjson'));
      expect(Date.now() - birthtimeMs).toBeGreaterThan(2);
    });
    await sink.write([eventBatch(stream, 0)]);
    expect(await segmentNames(dir)).toHaveLength(1);
  });

  it('continues the newest segment and leaves other files alone', async () => {
    await writeFile(join(dir, 'records-00000041.ndjson'), '{"old":1}\n');
    await writeFile(join(dir, 'records-00000042.ndjson'), '{"old":2}\n');
    for (const name of ['records-99.ndjson', 'records-00000077.ndjson.bak', 'notes.txt'])
      await writeFile(join(dir, name), 'x');
    await mkdir(join(dir, 'records-00000099.ndjson'));
    const { sink } = await connected({ retainSegments: 2 });
    await sink.write([eventBatch(stream, 0)]);
    expect(await readFile(join(dir, 'records-00000042.ndjson'), 'utf8')).toBe(
      `{"old":2}\n${eventBatch(stream, 0).bytes.toString()}`,
    );
    expect(await readFile(join(dir, 'notes.txt'), 'utf8')).toBe('x');
  });
});

describe('file sink: retention', () => {
  const keepAll = { retainBytes: null, retainSegments: null, retainAge: null };
  const segments = [1, 2, 3, 4].map((number) => ({ number, path: `${number}`, size: 100, modifiedAt: number * 1_000 }));
  const gone = (retention: Partial<typeof keepAll> | object) =>
    expired(segments, { ...keepAll, ...retention }, 5_000).map((segment) => segment.number);

  it('keeps everything when no limit is set', () => expect(gone({})).toEqual([]));
  it('counts bytes', () => {
    expect(gone({ retainBytes: 400 })).toEqual([]);
    expect(gone({ retainBytes: 399 })).toEqual([1]);
    expect(gone({ retainBytes: 200 })).toEqual([1, 2]);
  });
  it('counts segments', () => expect(gone({ retainSegments: 3 })).toEqual([1]));
  it('counts age from the last write', () => {
    expect(gone({ retainAge: 4_000 })).toEqual([]);
    expect(gone({ retainAge: 2_999 })).toEqual([1, 2]);
  });
  it('never takes the newest', () => {
    expect(gone({ retainBytes: 0, retainSegments: 0, retainAge: 0 })).toEqual([1, 2, 3]);
    expect(expired([], { ...keepAll, retainBytes: 0 }, 0)).toEqual([]);
  });

  it('deletes the oldest segments while it writes', async () => {
    const { sink } = await connected({ segmentBytes: 2_000, retainSegments: 3 });
    const batches = Array.from({ length: 20 }, (_, seq) => eventBatch(stream, seq, 3));
    await sink.write(batches);
    expect(await segmentNames(dir)).toEqual([18, 19, 20].map((n) => `records-000000${n}.ndjson`));
    expect(await linesIn(dir)).toEqual(documentsOf(batches.slice(17)));
  });

  it('deletes what got too old while the bridge was away', async () => {
    const paths = [1, 2].map((number) => join(dir, `records-0000000${number}.ndjson`));
    for (const path of paths) {
      await writeFile(path, '{}\n');
      await utimes(path, 1_000, 1_000);
    }
    await connected({ retainAge: 1_000 });
    expect(await segmentNames(dir)).toEqual(['records-00000002.ndjson']);
  });

  it('refuses to retain less than one segment', () => {
    const config = { ...defaultsOf(fileSink.settings), segmentBytes: 2_000, retainBytes: 1_999 };
    expect(() => fileSink.check?.(config)).toThrow(ConfigError);
    expect(() => fileSink.check?.(config)).toThrow(/file\.retainBytes.*file\.segmentBytes/);
    expect(() => fileSink.check?.({ ...config, retainBytes: 2_000 })).not.toThrow();
  });
});

describe('file sink: the last line', () => {
  const whole = '{"a":1}\n{"b":2}\n';
  const path = () => join(dir, 'records-00000003.ndjson');

  it.each([
    ['half a line', '{"c":'],
    ['half a line of a mebibyte', 'y'.repeat(1_048_576)],
    ['zeros, as after a power failure', '\0'.repeat(4_096)],
    ['one byte', '{'],
  ])('is cut back to the last whole one: %s', async (_, torn) => {
    await writeFile(path(), whole + torn);
    const { sink, notes } = await connected();
    await sink.write([eventBatch(stream, 0)]);
    expect(await readFile(path(), 'utf8')).toBe(whole + eventBatch(stream, 0).bytes.toString());
    expect(notes).toMatchObject([{ code: 'TORN_BATCH', message: expect.stringContaining(`cut ${torn.length} bytes`) }]);
  });

  it('is cut to nothing where the only line is torn', async () => {
    await writeFile(path(), 'z'.repeat(70_000));
    await connected();
    expect(await readFile(path(), 'utf8')).toBe('');
  });

  it.each([
    ['an empty segment', ''],
    ['whole lines', whole],
  ])('is left alone: %s', async (_, text) => {
    await writeFile(path(), text);
    const { notes } = await connected();
    expect(await readFile(path(), 'utf8')).toBe(text);
    expect(notes).toEqual([]);
  });

  it('is not touched in older segments', async () => {
    await writeFile(path(), 'torn');
    await writeFile(join(dir, 'records-00000004.ndjson'), '{"d":4}\n');
    await connected();
    expect(await readFile(path(), 'utf8')).toBe('torn');
  });
});

describe('file sink: changed under its hands', () => {
  const changed = { name: 'SinkError', kind: 'reopen', code: 'SEGMENT_LOST', written: 0 };

  it('says so when the current segment was deleted, then that nothing is there, and goes on in a new one', async () => {
    const { sink, notes } = await connected();
    const batches = eventBatches(stream, 0, 4);
    await sink.write(batches.slice(0, 2));
    await unlink(join(dir, 'records-00000001.ndjson'));
    await expect(sink.write(batches.slice(2))).rejects.toMatchObject(changed);
    expect(await sink.connect()).toEqual(new Map());
    await expect(sink.write(batches.slice(2))).rejects.toMatchObject({ kind: 'reopen', code: 'HOLDS_LESS' });
    await sink.write(batches);
    expect(await segmentNames(dir)).toEqual(['records-00000002.ndjson']);
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
    expect(notes).toEqual([]);
  });

  it('says so when the folder was removed, and makes it again', async () => {
    const { sink } = await connected();
    const batches = eventBatches(stream, 0, 4);
    await sink.write(batches.slice(0, 2));
    await rm(dir, { recursive: true });
    await expect(sink.write(batches.slice(2))).rejects.toMatchObject(changed);
    expect(await sink.connect()).toEqual(new Map());
    await sink.write(batches);
    expect(await segmentNames(dir)).toEqual(['records-00000002.ndjson']);
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });

  it('says so when someone cut or replaced the current segment, and answers what is there', async () => {
    const { sink } = await connected();
    const batches = eventBatches(stream, 0, 6);
    await sink.write(batches.slice(0, 2));
    const first = join(dir, 'records-00000001.ndjson');
    await truncate(first, batches[0]?.bytes.length);
    await expect(sink.write(batches.slice(2))).rejects.toMatchObject(changed);
    expect(positionsIn(await sink.connect())).toEqual([batches[0]?.checkpoint.position]);
    await sink.write(batches.slice(1, 4));
    const content = await readFile(first);
    await unlink(first);
    await writeFile(first, content);
    await expect(sink.write(batches.slice(4))).rejects.toMatchObject(changed);
    expect(positionsIn(await sink.connect())).toEqual([batches[3]?.checkpoint.position]);
    await sink.write(batches);
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });
});

function positionsIn(held: Held): Position[] {
  return [...(held ?? [])].map(([, { position }]) => position);
}
