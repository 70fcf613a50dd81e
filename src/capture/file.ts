import { lstat, open, unlink } from 'node:fs/promises';
import { ConfigError, codeOf } from '../core/errors.ts';
import { unwritable } from '../core/unwritable.ts';

/** Where a capture goes; a `FileHandle` is one. */
export interface CaptureFile {
  write(bytes: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesWritten: number }>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes the file. Prompts stand in it: nobody else may read it. Throws a `ConfigError` where there is one already, unless
 * `force` replaces it.
 */
export async function createCapture(path: string, force: boolean): Promise<CaptureFile> {
  try {
    if (force) await removeFile(path);
    return await open(path, 'wx', 0o600);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (codeOf(error) === 'EEXIST')
      throw new ConfigError(`${path} is there already: name another file, or replace it with --force`, {
        cause: error,
      });
    throw unwritable(path, error);
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile()) throw new ConfigError(`${path} is no regular file, and --force replaces no other: name one`);
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
