import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { StoredRecord } from '../../core/record-reader.ts';
import { linesIn } from './lines.ts';

/** How much of one file is read before whoever reads may stop: a file that is replaced all the time must not hold us. */
export interface FileReading {
  readonly handle: FileHandle;
  readonly path: string;
  /** The offset just after the last whole line that was read. */
  position: number;
  /** Lines before `position`; null where reading did not begin at the first. */
  lines: number | null;
}

export async function openReading(path: string): Promise<FileReading> {
  return { handle: await open(path, 'r'), path, position: 0, lines: 0 };
}

/** Goes to the end; where the last line is not whole yet, to its beginning, so that it is read once it is. */
export async function skipToEnd(reading: FileReading): Promise<void> {
  const { size } = await reading.handle.stat();
  reading.position = await lastLineStart(reading.handle, size);
  if (reading.position > 0) reading.lines = null;
}

/**
 * The whole lines that are there now behind those that were read, up to `limit`. A file that got shorter (the bridge cut
 * an unfinished batch off, to write it again) is gone on with from its new end.
 */
export async function* readMore(reading: FileReading, limit = Number.POSITIVE_INFINITY): AsyncGenerator<StoredRecord> {
  const { handle, path } = reading;
  const { size } = await handle.stat();
  if (size < reading.position) {
    reading.position = size;
    reading.lines = null;
  }
  for await (const { bytes, end } of linesIn(handle, reading.position, Math.min(size, limit))) {
    const place = reading.lines === null ? `${basename(path)}@${reading.position}` : placeOf(path, reading.lines + 1);
    reading.position = end;
    if (reading.lines !== null) reading.lines += 1;
    if (bytes.length > 0) yield { text: bytes.toString('utf8'), place };
  }
}

function placeOf(path: string, line: number): string {
  return `${basename(path)}:${line}`;
}

async function lastLineStart(handle: FileHandle, size: number): Promise<number> {
  const block = 65_536;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    const at = buffer.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (at !== -1) return start + at + 1;
    end = start;
  }
  return 0;
}
