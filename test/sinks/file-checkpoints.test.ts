import { cp, mkdir, readFile, rm, rmdir, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import type { Checkpoint } from '../../src/core/checkpoint.ts';
import type { Sink } from '../../src/core/sink.ts';
import { documentsOf, eventBatches, testStream } from '../support/batches.ts';
import type { FileConfig, Opened } from './file-harness.ts';
import { linesIn, makeFileSink, segmentNames, temporaryFolder } from './file-harness.ts';

const [one, two] = [testStream('10.0.0.1'), testStream('10.0.0.2')];
const open: Sink[] = [];
let root: string;
let dir: string;

beforeEach(async () => {
  root = await temporaryFolder();
  dir = join(root, 'data');
});
afterEach(async () => {
  for (const sink of open.splice(0)) await sink.close();
  await rm(root, { recursive: true, force: true });
});

interface Connected extends Opened {
  readonly held: ReadonlyMap<string, Checkpoint>;
}

/** Nothing is saved by the clock: only where a segment begins and at close. */
async function connected(config: Partial<FileConfig> = {}): Promise<Connected> {
  const opened = await makeFileSink({ dir, fsyncInterval: 3_600_000, ...config });
  open.push(opened.sink);
  return { ...opened, held: (await opened.sink.connect()) ?? new Map() };
}

/** What runs leave that write a group each and end well; segments have room for one batch. */
async function written(...groups: readonly RecordBatch[][]): Promise<void> {
  return writtenInto(1_024, ...groups);
}

async function writtenInto(segmentBytes: number, ...groups: readonly RecordBatch[][]): Promise<void> {
  for (const group of groups) {
    const { sink } = await connected({ segmentBytes });
    await sink.write(group);
    await sink.close();
  }
}

const path = () => join(dir, 'checkpoints.json');
const saved = async () => JSON.parse(await readFile(path(), 'utf8'));
const codes = ({ notes }: Opened) => notes.map(({ code }) => code);
const ends = (...last: (RecordBatch | undefined)[]) =>
  new Map(last.map((batch) => [batch?.stream.id, batch?.checkpoint.position]));
const places = ({ held }: Connected) => new Map([...held].map(([id, { position }]) => [id, position]));
const segmentPath = (number: number) => join(dir, `records-0000000${number}.ndjson`);

describe('file sink: checkpoints.json', () => {
  it('says at close where each stream stands, fingerprint included, in which segment, and up to which byte', async () => {
    const [a, b] = [eventBatches(one, 0, 2), eventBatches(two, 0, 1)];
    await written([...a, ...b]);
    const { v, segment, bytes, streams } = await saved();
    const name = (await segmentNames(dir)).at(-1) ?? '';
    expect({ v, segment, bytes }).toEqual({
      v: 1,
      segment: (await segmentNames(dir)).length,
      bytes: (await stat(join(dir, name))).size,
    });
    expect(Object.keys(streams)).toEqual([one.id, two.id]);
    const again = await connected();
    expect(again.held).toEqual(new Map([a[1], b[0]].map((batch) => [batch?.stream.id, batch?.checkpoint])));
    expect(codes(again)).toEqual([]);
  });

  it('speaks for streams whose records were deleted since', async () => {
    const [a, b] = [eventBatches(one, 0, 1), eventBatches(two, 0, 8)];
    const { sink } = await connected({ segmentBytes: 1_024, retainSegments: 2 });
    await sink.write([...a, ...b]);
    await sink.close();
    expect((await linesIn(dir)).join()).not.toContain(one.id);
    const again = await connected();
    expect(places(again)).toEqual(ends(a[0], b.at(-1)));
    expect(codes(again)).toEqual([]);
  });

  it.each([
    ['in later segments', 1_024],
    ['in its segment', 1_000_000],
  ])('may be old: what there is %s behind it counts, and nothing is written twice', async (_, segmentBytes) => {
    const batches = eventBatches(one, 0, 9);
    await writtenInto(segmentBytes, batches.slice(0, 4));
    await cp(path(), join(root, 'old.json'));
    await writtenInto(segmentBytes, batches.slice(4, 6), batches.slice(6));
    await cp(join(root, 'old.json'), path());
    const again = await connected();
    expect(places(again)).toEqual(ends(batches.at(-1)));
    await again.sink.write(batches);
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
    expect(codes(again)).toEqual([]);
    expect((await saved()).segment).toBe((await segmentNames(dir)).length);
    expect(places({ ...again, held: (await again.sink.connect()) ?? new Map() })).toEqual(ends(batches.at(-1)));
  });

  it('says so where it is missing beside several segments: only the newest speaks', async () => {
    await written(eventBatches(one, 0, 3), eventBatches(two, 0, 3));
    await unlink(path());
    const again = await connected();
    expect(places(again)).toEqual(ends(eventBatches(two, 0, 3).at(-1)));
    expect(codes(again)).toEqual(['CHECKPOINTS_MISSING']);
    expect(Object.keys((await saved()).streams)).toEqual([two.id]);
  });

  it('is there before the second segment is', async () => {
    const { sink } = await connected({ segmentBytes: 1_024 });
    await sink.write(eventBatches(one, 0, 1));
    // The second one cannot be made.
    await mkdir(segmentPath(2));
    await expect(sink.write(eventBatches(one, 1, 1))).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await saved()).toMatchObject({ segment: 1, bytes: (await stat(segmentPath(1))).size });
    await rmdir(segmentPath(2));
  });

  it('needs none where there is but one segment', async () => {
    const batches = eventBatches(one, 0, 3);
    const { sink } = await connected();
    await sink.write(batches);
    await sink.close();
    await unlink(path());
    const again = await connected();
    expect(places(again)).toEqual(ends(batches.at(-1)));
    expect(codes(again)).toEqual([]);
  });

  it.each([
    ['empty', () => ''],
    ['cut', (text: string) => text.slice(0, -20)],
    ['zeros, as after a power failure', (text: string) => '\0'.repeat(text.length)],
    ['of a newer version', (text: string) => text.replace('"v":1', '"v":2')],
    ['with a number that is none', (text: string) => text.replace(/"seq":"\d+"/, '"seq":"x"')],
    ['of another program', () => '{"checkpoints":[]}'],
    ['a list', () => '[]'],
  ])('says so where it is %s, and makes a new one', async (_, damage) => {
    const batches = eventBatches(one, 0, 3);
    await written(batches.slice(0, 2), batches.slice(2));
    await writeFile(path(), damage(await readFile(path(), 'utf8')));
    const again = await connected();
    expect(places(again)).toEqual(ends(batches.at(-1)));
    expect(codes(again)).toEqual(['CHECKPOINTS_UNREADABLE']);
    await again.sink.write(batches);
    await again.sink.close();
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
    expect(codes(await connected())).toEqual([]);
  });
});

describe('file sink: checkpoints.json speaks for what is not there', () => {
  it('counts what is there where the newest segment was deleted, and gives its number to no other', async () => {
    const batches = eventBatches(one, 0, 3);
    await written(batches.slice(0, 1), batches.slice(1, 2), batches.slice(2));
    await unlink(segmentPath(3));
    const again = await connected();
    expect(places(again)).toEqual(ends(batches[1]));
    expect(codes(again)).toEqual(['RECORDS_LOST']);
    await again.sink.write(batches.slice(2));
    expect(await segmentNames(dir)).toEqual([1, 2, 4].map((n) => `records-0000000${n}.ndjson`));
    expect(await linesIn(dir)).toEqual(documentsOf(batches));
  });

  it('counts what is whole where the newest segment was cut, and leaves the other streams where they stand', async () => {
    const [a, b] = [eventBatches(one, 0, 1), eventBatches(two, 0, 2)];
    await written(a, b);
    const newest = join(dir, (await segmentNames(dir)).at(-1) ?? '');
    await truncate(newest, (await stat(newest)).size - 1);
    const again = await connected();
    expect(places(again)).toEqual(ends(a[0], b[0]));
    expect(codes(again).toSorted()).toEqual(['RECORDS_LOST', 'TORN_BATCH']);
    await again.sink.write([...a, ...b]);
    expect(await linesIn(dir)).toEqual(documentsOf([...a, ...b]));
  });

  it('still knows the streams of segments that retention deleted long before', async () => {
    const [a, b] = [eventBatches(one, 0, 1), eventBatches(two, 0, 8)];
    const { sink } = await connected({ segmentBytes: 1_024, retainSegments: 2 });
    await sink.write([...a, ...b]);
    await sink.close();
    await unlink(join(dir, (await segmentNames(dir)).at(-1) ?? ''));
    const again = await connected();
    expect(again.held.get(one.id)).toEqual(a[0]?.checkpoint);
    expect(places(again)).toEqual(ends(a[0], b.at(-2)));
    expect(codes(again)).toEqual(['RECORDS_LOST']);
  });

  it('begins anew where all segments were deleted', async () => {
    const batches = eventBatches(one, 0, 3);
    await written(batches);
    const count = (await segmentNames(dir)).length;
    for (const name of await segmentNames(dir)) await unlink(join(dir, name));
    const again = await connected();
    expect(again.held).toEqual(new Map());
    expect(codes(again)).toEqual(['RECORDS_LOST']);
    await again.sink.write(batches);
    expect((await segmentNames(dir))[0]).toBe(`records-0000000${count + 1}.ndjson`);
  });

  it('is not believed where it is of another folder: its place is not the end of a line here', async () => {
    const batches = eventBatches(one, 0, 2);
    const { sink } = await connected();
    await sink.write(batches);
    await sink.close();
    const foreign = (await readFile(path(), 'utf8')).replace(/"bytes":\d+/, '"bytes":100').replaceAll(one.id, two.id);
    await writeFile(path(), foreign);
    const again = await connected();
    expect(places(again)).toEqual(ends(batches.at(-1)));
    expect(codes(again)).toEqual(['RECORDS_LOST']);
  });
});

describe('file sink: checkpoints.json cannot be written', () => {
  it('says so once, goes on, and deletes no segment until it can be', async () => {
    const batches = eventBatches(one, 0, 12);
    const { sink, notes } = await connected({ segmentBytes: 1_024, retainSegments: 2 });
    const obstacle = `${path()}.tmp`;
    await mkdir(obstacle);
    await sink.write(batches.slice(0, 9));
    expect(notes.map(({ code, message }) => [code, message.includes(path())])).toEqual([['EISDIR', true]]);
    expect(await linesIn(dir)).toEqual(documentsOf(batches.slice(0, 9)));
    await rmdir(obstacle);
    await sink.write(batches.slice(9));
    expect(await segmentNames(dir)).toHaveLength(2);
    await sink.close();
    expect(places(await connected())).toEqual(ends(batches.at(-1)));
  });
});
