import { stat } from 'node:fs/promises';
import { isCapture } from '../capture/reader.ts';
import { shownArgument } from '../config/mask.ts';
import { suggestion } from '../config/nearest.ts';
import { BridgeError, ConfigError, codeOf, messageOf } from '../core/errors.ts';
import type { RecordReader } from '../core/record-reader.ts';
import { listFiles, NdjsonReader } from '../sinks/file/ndjson.ts';
import type { Flaw } from './capture/record-reader.ts';
import { CaptureRecords } from './capture/record-reader.ts';
import type { Edge } from './edge.ts';
import { ableSinks, storeHint } from './sink-choice.ts';
import { StreamReader } from './stream-reader.ts';

/** Something to count records in, and in what its progress counts. */
export interface StatsInput {
  readonly reader: RecordReader;
  readonly unit: 'bytes' | 'records';
  /** What was wrong with it, once it was read. */
  readonly flaw?: () => Flaw | null;
}

/** A file or folder; null where there is none of this name. A capture is known by its first bytes. */
export async function fileInput(path: string): Promise<StatsInput | null> {
  if (await isCapture(path)) {
    const reader = await CaptureRecords.open(path);
    return { reader, unit: 'bytes', flaw: () => reader.flaw };
  }
  try {
    const stats = await stat(path);
    const files = stats.isDirectory() ? await listFiles(path) : [path];
    if (files.length > 0) return { reader: new NdjsonReader(files), unit: 'bytes' };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw new BridgeError('UNREADABLE', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  throw new ConfigError(`the folder ${path} has no file whose name ends in .ndjson or .jsonl`);
}

export function standardInput({ stdin }: Edge): StatsInput {
  if (stdin === undefined) throw new ConfigError('-: there is no standard input');
  return { reader: new StreamReader(stdin, 'standard input'), unit: 'bytes' };
}

export function unknownInput(name: string): ConfigError {
  // A path may have any character; an address with a login does not begin like one.
  const shown = /^[./]/.test(name) ? JSON.stringify(name.slice(0, 200)) : shownArgument(name);
  const hint = storeHint(name) ?? suggestion(name, ableSinks('reader'));
  return new ConfigError(`${shown} is neither a file or folder that is there nor a sink that can be read; ${hint}`);
}
