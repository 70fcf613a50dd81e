import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/core/finding.ts';
import { fileSink } from '../../src/sinks/file.ts';
import { defaultsOf } from '../support/defaults.ts';
import { codesOf, findingsFrom, the } from '../support/findings.ts';

const root = mkdtempSync(join(tmpdir(), 'kv-examine-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const configOf = (dir: string) => ({ ...defaultsOf(fileSink.settings), dir }) as Parameters<typeof fileSink.create>[0];

function examine(dir: string): Promise<readonly Finding[]> {
  const about = { bridge: 'b', timeout: 1_000, signal: new AbortController().signal };
  return findingsFrom(fileSink.examine?.(configOf(dir), about) as AsyncIterable<Finding>);
}

describe('doctor on a folder', () => {
  it('that is not there yet: it is not made', async () => {
    const findings = await examine(join(root, 'a/b'));
    expect(codesOf(findings)).toEqual(['file-absent', 'file-room', 'file-unlimited']);
    expect(readdirSync(root)).toEqual([]);
  });

  it('whose path leads through a file', async () => {
    writeFileSync(join(root, 'file'), '');
    expect(codesOf(await examine(join(root, 'file/data')))).toEqual(['file-no-folder']);
  });

  it('that a bridge writes', async () => {
    const dir = join(root, 'held');
    const sink = await fileSink.create(configOf(dir), { bridge: 'b', stdout: new PassThrough(), observe: () => {} });
    await sink.connect();
    const held = await examine(dir);
    await sink.close();
    expect(the('file-name-held', held)).toMatchObject({ level: 'note', facts: { held: true } });
    expect(codesOf(await examine(dir))).not.toContain('file-name-held');
  });

  it.skipIf(process.getuid?.() === 0)('that may not be written', async () => {
    chmodSync(root, 0o500);
    expect(codesOf(await examine(join(root, 'new')))).toEqual(['file-unwritable']);
    chmodSync(root, 0o700);
  });
});
