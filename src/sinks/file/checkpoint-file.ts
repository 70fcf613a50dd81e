import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '../../core/checkpoint.ts';
import { checkpointText, parseCheckpoint } from '../../core/checkpoint.ts';
import { syncFolder } from './folder.ts';
import { ifPresent } from './problem.ts';

/** Where a stream stands, and in which segment its last record is. */
export interface Kept {
  readonly checkpoint: Checkpoint;
  readonly segment: number;
}

/** Where all streams stand once segment `segment` has `bytes` bytes and those before it are complete. */
export interface Snapshot {
  readonly segment: number;
  readonly bytes: number;
  readonly streams: ReadonlyMap<string, Kept>;
}

export function checkpointPath(dir: string): string {
  return join(dir, 'checkpoints.json');
}

/** `unreadable`: damaged, or of a version that this bridge does not know; null: there is none. */
export async function readCheckpoints(dir: string): Promise<Snapshot | 'unreadable' | null> {
  const text = await ifPresent(readFile(checkpointPath(dir), 'utf8'));
  return text === null ? null : (parseSnapshot(text) ?? 'unreadable');
}

/** Puts a new file in the place of the old one: whoever reads sees one of them, whole, at any time. */
export async function writeCheckpoints(dir: string, snapshot: Snapshot, durable: boolean): Promise<void> {
  const path = checkpointPath(dir);
  const temporary = `${path}.tmp`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(snapshotText(snapshot));
    if (durable) await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  if (durable) await syncFolder(dir);
}

/** One stream per line, for people who look. */
function snapshotText({ segment, bytes, streams }: Snapshot): string {
  const lines = [...streams].map(([stream, kept]) => {
    const checkpoint = checkpointText(kept.checkpoint).slice(0, -1);
    return `${JSON.stringify(stream)}:${checkpoint},"segment":${kept.segment}}`;
  });
  return `{"v":1,"segment":${segment},"bytes":${bytes},"streams":{\n${lines.join(',\n')}\n}}\n`;
}

function parseSnapshot(text: string): Snapshot | null {
  try {
    const { v, segment, bytes, streams } = JSON.parse(text) as Record<string, unknown>;
    if (v !== 1 || !isCount(segment) || !isCount(bytes) || typeof streams !== 'object' || streams === null) return null;
    const kept = Object.entries(streams).map(([stream, value]) => [stream, parseKept(value)] as const);
    return { segment, bytes, streams: new Map(kept) };
  } catch {
    return null;
  }
}

function parseKept(value: unknown): Kept {
  const checkpoint = parseCheckpoint(JSON.stringify(value));
  const { segment } = value as { segment?: unknown };
  if (checkpoint === null || !isCount(segment)) throw new TypeError('not a checkpoint');
  return { checkpoint, segment };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
