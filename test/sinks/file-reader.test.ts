import { appendFileSync, mkdtempSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordReader } from '../../src/core/record-reader.ts';
import { FolderReader } from '../../src/sinks/file/reader.ts';
import { Following, readAll } from '../support/reading.ts';

let dir: string;
let reader: RecordReader;
const open: Following[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kv-file-reader-'));
  reader = new FolderReader(dir);
});
afterEach(async () => {
  for (const following of open.splice(0)) await following.stop();
  rmSync(dir, { recursive: true });
});

const segment = (number: number) => join(dir, `records-${String(number).padStart(8, '0')}.ndjson`);

function follow(from: 'start' | 'end'): Following {
  const following = new Following(reader, from);
  open.push(following);
  return following;
}

describe('reading the folder of the file sink', () => {
  it('brings all whole lines in the order of the segments, and says where each stands', async () => {
    writeFileSync(segment(2), 'c\n');
    writeFileSync(segment(1), 'a\nb\n');
    writeFileSync(segment(10), 'd\n{"torn"');
    writeFileSync(join(dir, 'other.ndjson'), 'x\n');
    const progress: (readonly [number, number | null])[] = [];
    const records = await readAll(reader, (done, total) => progress.push([done, total]));
    expect(records.map(({ text }) => text)).toEqual(['a', 'b', 'c', 'd']);
    expect(records[1]?.place).toBe('records-00000001.ndjson:2');
    expect(progress.at(-1)).toEqual([15, 15]);
  });

  it('reads lines that are longer than one block, whole', async () => {
    const long = 'x'.repeat(3_000_000);
    writeFileSync(segment(1), `${long}\nshort\n`);
    expect((await readAll(reader)).map(({ text }) => text.length)).toEqual([3_000_000, 5]);
  });

  it('follows over a rotation, and waits for the rest of a torn line', async () => {
    writeFileSync(segment(1), 'a\n');
    const following = follow('start');
    await following.has(['a']);
    appendFileSync(segment(1), 'b\nto');
    await following.has(['a', 'b']);
    appendFileSync(segment(1), 'rn\n');
    writeFileSync(segment(2), 'd\n');
    await following.has(['a', 'b', 'torn', 'd']);
    unlinkSync(segment(1));
    writeFileSync(segment(3), 'e\n');
    await following.has(['a', 'b', 'torn', 'd', 'e']);
  });

  it('from the end brings only what comes, a line that was torn then included', async () => {
    writeFileSync(segment(1), 'old\n');
    writeFileSync(segment(2), 'old too\nto');
    const following = follow('end');
    await following.started();
    appendFileSync(segment(2), 'rn\nnew\n');
    await following.has(['torn', 'new']);
  });

  it('goes on where an unfinished batch was cut off', async () => {
    writeFileSync(segment(1), 'a\nhalf\n');
    const following = follow('start');
    await following.has(['a', 'half']);
    truncateSync(segment(1), 2);
    await following.started();
    appendFileSync(segment(1), 'b\n');
    await following.has(['a', 'half', 'b']);
  });

  it('names the folder that is not there, and what to do', async () => {
    await expect(readAll(new FolderReader(join(dir, 'nowhere')))).rejects.toThrow(/no folder .*nowhere; set file\.dir/);
  });
});
