import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterAll, describe, expect, it } from 'vitest';
import { sequenceFrame } from '../../src/simulator/replay.ts';
import { encoded, someFrame } from '../capture/support.ts';
import { linesOf, parseRecords } from '../e2e/records.ts';
import { runInMemory } from './memory-edge.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-replay-again-'));
let folders = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A capture of the numbers from `first` to `last` of one publisher. */
function capture(first: number, last: number): string {
  const path = join(folder, `${first}-${last}.kvcap`);
  const frames = Array.from({ length: last - first + 1 }, (_, index) => {
    const seq = first + index;
    const payload = Buffer.from(encode([1_763_800_000 + seq, [['BlockRemoved', [seq], 'GPU']], 0]));
    return {
      ...someFrame,
      receivedAt: 1_763_800_000_000 + seq,
      parts: [Buffer.from('kv@a@m'), sequenceFrame(BigInt(seq)), payload],
    };
  });
  writeFileSync(path, encoded(frames).bytes);
  return path;
}

/** Replays one after the other into one folder; gives what is in it then. */
async function recordsOf(...paths: readonly string[]) {
  const dir = join(folder, `data-${folders++}`);
  for (const path of paths) {
    const { exitCode, stderr } = await runInMemory([
      'replay',
      path,
      '--to',
      'file',
      '--file-dir',
      dir,
      '--speed',
      'max',
    ]);
    expect(exitCode, stderr).toBe(0);
  }
  return parseRecords(linesOf(readFileSync(join(dir, 'records-00000001.ndjson'), 'utf8')));
}

describe('captures of one publisher, replayed one after the other', () => {
  it('that follow each other have no seam', async () => {
    const records = await recordsOf(capture(0, 9), capture(10, 19));
    expect(records.map(({ type, seq }) => `${type} ${seq}`)).toEqual([
      'StreamStarted 0',
      ...Array.from({ length: 20 }, (_, seq) => `BlockRemoved ${seq}`),
    ]);
    expect(new Set(records.map(({ epoch }) => epoch)).size).toBe(1);
  });

  it('with something between them say what is missing', async () => {
    const records = await recordsOf(capture(0, 4), capture(10, 14));
    expect(records.filter(({ type }) => type === 'StreamGap')).toMatchObject([{ from_seq: '5', to_seq: '9' }]);
  });

  it('in the wrong order, or twice, are a publisher that has restarted: nothing of them is left out', async () => {
    for (const paths of [
      [capture(10, 19), capture(0, 9)],
      [capture(0, 9), capture(0, 9)],
    ]) {
      const records = await recordsOf(...paths);
      expect(records.filter(({ type }) => type === 'BlockRemoved')).toHaveLength(20);
      expect(records.filter(({ type }) => type === 'StreamRestarted')).toHaveLength(1);
      expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    }
  });
});
