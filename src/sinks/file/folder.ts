import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '../../core/errors.ts';
import { ifPresent } from './problem.ts';

const segmentName = /^records-(\d{8,15})\.ndjson$/;

export interface SegmentFile {
  readonly number: number;
  readonly path: string;
  readonly size: number;
  /** Of the last write, milliseconds since 1970. */
  readonly modifiedAt: number;
}

export function segmentPath(dir: string, number: number): string {
  return join(dir, `records-${String(number).padStart(8, '0')}.ndjson`);
}

/** Makes a folder and those above it. Not `recursive`: Node then says ENOENT for what is a read-only volume. */
export async function makeFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir);
  } catch (error) {
    if ((await ifPresent(stat(dir)))?.isDirectory()) return;
    if (codeOf(error) !== 'ENOENT' || dirname(dir) === dir) throw error;
    await makeFolder(dirname(dir));
    await mkdir(dir);
  }
}

/** The segments in a folder, oldest first; every other file is none of our business. */
export async function listSegments(dir: string): Promise<SegmentFile[]> {
  const found: SegmentFile[] = [];
  for (const name of await readdir(dir)) {
    const digits = segmentName.exec(name)?.[1];
    if (digits === undefined) continue;
    const path = join(dir, name);
    const stats = await ifPresent(stat(path));
    if (stats?.isFile()) found.push({ number: Number(digits), path, size: stats.size, modifiedAt: stats.mtimeMs });
  }
  return found.sort((a, b) => a.number - b.number);
}

export interface Retention {
  readonly retainBytes: number | null;
  readonly retainSegments: number | null;
  /** Milliseconds. */
  readonly retainAge: number | null;
}

/** Which segments have to go, oldest first. The newest always stays. */
export function expired(segments: readonly SegmentFile[], retention: Retention, now: number): SegmentFile[] {
  const { retainBytes, retainSegments, retainAge } = retention;
  let bytes = segments.reduce((sum, segment) => sum + segment.size, 0);
  let count = segments.length;
  const gone: SegmentFile[] = [];
  for (const segment of segments.slice(0, -1)) {
    const tooOld = retainAge !== null && now - segment.modifiedAt > retainAge;
    const tooMany = retainSegments !== null && count > retainSegments;
    const tooLarge = retainBytes !== null && bytes > retainBytes;
    if (!tooOld && !tooMany && !tooLarge) break;
    gone.push(segment);
    bytes -= segment.size;
    count -= 1;
  }
  return gone;
}

/** Deletes them; returns what could not be deleted, which is no reason to stop writing. */
export async function remove(segments: readonly SegmentFile[]): Promise<{ path: string; error: unknown }[]> {
  const failures: { path: string; error: unknown }[] = [];
  for (const { path } of segments) {
    try {
      await ifPresent(unlink(path));
    } catch (error) {
      failures.push({ path, error });
    }
  }
  return failures;
}

/** Makes the name of a new file durable; where a folder cannot be opened or synced, that is all there is to do. */
export async function syncFolder(dir: string): Promise<void> {
  try {
    const handle = await open(dir, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Some systems refuse to open or to sync a folder: the data itself is synced all the same.
  }
}
