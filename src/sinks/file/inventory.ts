import { open } from 'node:fs/promises';
import type { Checkpoint } from '../../core/checkpoint.ts';
import type { Kept, Snapshot } from './checkpoint-file.ts';
import { checkpointPath, readCheckpoints } from './checkpoint-file.ts';
import type { SegmentFile } from './folder.ts';
import { listSegments } from './folder.ts';
import type { Scan } from './scan.ts';
import { scanSegment } from './scan.ts';

/** Told about what was mended or had to be left. */
export type Note = (code: string, message: string) => void;

/** What a folder holds. */
export interface Inventory {
  readonly streams: ReadonlyMap<string, Kept>;
  /** The segment to continue, if its number is still the highest ever given out. */
  readonly newest: SegmentFile | null;
  /** The highest number that a segment has or had. */
  readonly lastNumber: number;
  /** Whether checkpoints.json says the same. */
  readonly isSaved: boolean;
}

/**
 * Says where each stream stands: what `checkpoints.json` says, and what the segments have beyond the place it speaks for.
 * Cuts what a kill left of a batch at the end of the newest segment: it will be written again.
 */
export async function takeInventory(dir: string, note: Note): Promise<Inventory> {
  return inventoryOf(dir, note, (path, scan) => cutBack(path, scan, note));
}

/** The same for whoever does not hold the lock: changes nothing. */
export async function lookAt(dir: string): Promise<ReadonlyMap<string, Checkpoint>> {
  const nothing = () => {};
  return checkpointsOf((await inventoryOf(dir, nothing, async () => {})).streams);
}

type Cut = (path: string, scan: Scan) => Promise<void>;

async function inventoryOf(dir: string, note: Note, cut: Cut): Promise<Inventory> {
  // In this order: whoever only looks does so beside a bridge that writes, and newer segments are read, too.
  const saved = await readCheckpoints(dir);
  const segments = await listSegments(dir);
  const path = checkpointPath(dir);
  const newestOnly = 'only the newest segment says where streams stand; those that are in older ones alone begin anew';
  if (saved === 'unreadable') {
    note('CHECKPOINTS_UNREADABLE', `${path} is damaged or of a newer version: ${newestOnly}`);
    return resume(null, segments, cut);
  }
  if (saved === null) {
    if (segments.length > 1) note('CHECKPOINTS_MISSING', `there is no ${path}: ${newestOnly}`);
    return resume(null, segments, cut);
  }
  if (!(await isBeyond(saved, segments))) return resume(saved, segments, cut);
  const lost = `${saved.bytes} bytes of segment ${saved.segment}, which are not there any more`;
  note('RECORDS_LOST', `${path} speaks for ${lost}: only what is there counts as written`);
  return salvage(saved, segments, cut);
}

/** Whether the file speaks for bytes that are not there: someone deleted or cut a segment, or the disk lost its end. */
async function isBeyond({ segment, bytes }: Snapshot, segments: readonly SegmentFile[]): Promise<boolean> {
  const last = segments.at(-1)?.number ?? 0;
  const own = segments.find(({ number }) => number === segment);
  if (own === undefined) return segment > last;
  return own.size < bytes || !(await endsLine(own.path, bytes));
}

async function resume(saved: Snapshot | null, segments: readonly SegmentFile[], cut: Cut): Promise<Inventory> {
  const streams = new Map(saved?.streams);
  const newest = segments.at(-1) ?? null;
  const unread = saved === null ? segments.slice(-1) : segments.filter(({ number }) => number >= saved.segment);
  let end = 0;
  for (const segment of unread) {
    const from = segment.number === saved?.segment ? saved.bytes : 0;
    const scan = await scanSegment(segment.path, from, checkpointsOf(streams), saved !== null && segment === newest);
    if (segment === newest) await cut(segment.path, scan);
    for (const [stream, checkpoint] of scan.streams) streams.set(stream, { checkpoint, segment: segment.number });
    end = scan.end;
  }
  const isSaved = saved === null ? streams.size === 0 : newest?.number === saved.segment && end === saved.bytes;
  return { streams, newest, lastNumber: newest?.number ?? 0, isSaved };
}

/**
 * Where a segment (or its end) is gone: streams that had no record in it stand where they stood, the others where the
 * segments that are left say. None of those is continued: readers may already be behind it.
 */
async function salvage(saved: Snapshot, segments: readonly SegmentFile[], cut: Cut): Promise<Inventory> {
  const there = new Set(segments.map(({ number }) => number));
  const oldest = segments[0]?.number ?? 0;
  const isThere = ({ segment }: Kept) => segment < saved.segment && (segment < oldest || there.has(segment));
  const known = new Map([...saved.streams].filter(([, kept]) => isThere(kept)));
  const found = await search(saved, known, segments, cut);
  const lastNumber = Math.max(saved.segment, segments.at(-1)?.number ?? 0);
  return { streams: new Map([...known, ...found]), newest: null, lastNumber, isSaved: false };
}

/** What the segments say, newest first: of every stream what came behind `saved`, else of those that are not known. */
async function search(
  saved: Snapshot,
  known: ReadonlyMap<string, Kept>,
  segments: readonly SegmentFile[],
  cut: Cut,
): Promise<ReadonlyMap<string, Kept>> {
  const found = new Map<string, Kept>();
  const isUnknown = (stream: string) => !found.has(stream) && !known.has(stream);
  for (const segment of segments.toReversed()) {
    const isNewest = segment === segments.at(-1);
    const isBehind = segment.number >= saved.segment;
    if (!isNewest && !isBehind && ![...saved.streams.keys()].some(isUnknown)) break;
    const scan = await scanSegment(segment.path, 0, checkpointsOf(known), false);
    if (isNewest) await cut(segment.path, scan);
    for (const [stream, checkpoint] of scan.streams) {
      if (isBehind ? !found.has(stream) : isUnknown(stream)) found.set(stream, { checkpoint, segment: segment.number });
    }
  }
  return found;
}

async function cutBack(path: string, { end, size }: Scan, note: Note): Promise<void> {
  if (end === size) return;
  const handle = await open(path, 'r+');
  try {
    await handle.truncate(end);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  note('TORN_BATCH', `cut ${size - end} bytes of an unfinished batch from the end of ${path}`);
}

/** Whether a line ends just before `offset`. */
async function endsLine(path: string, offset: number): Promise<boolean> {
  if (offset === 0) return true;
  const handle = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(1), 0, 1, offset - 1);
    return bytesRead === 1 && buffer[0] === 0x0a;
  } finally {
    await handle.close();
  }
}

function checkpointsOf(streams: ReadonlyMap<string, Kept>): ReadonlyMap<string, Checkpoint> {
  return new Map([...streams].map(([stream, { checkpoint }]) => [stream, checkpoint]));
}
