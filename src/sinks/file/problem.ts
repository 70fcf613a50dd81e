import { codeOf, messageOf, SinkError } from '../../core/errors.ts';

const rights = 'give the user of the bridge the right to write there, or choose another file.dir';
const noPlace = 'file.dir must be a folder or a path where one can be made';

/** What a person has to do; codes that are not here may pass by themselves. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space, or limit file.retainBytes',
  EDQUOT: 'the quota is used up: raise it, or limit file.retainBytes',
  EFBIG: 'the file may not grow further: lower file.segmentBytes, or raise the limit (ulimit -f)',
  EACCES: rights,
  EPERM: rights,
  EROFS: 'the file system is mounted read-only: mount a writable volume at file.dir',
  EIO: 'the disk or network volume reports an error: check it (dmesg), then replace or mount it again',
  ENOTDIR: noPlace,
  EEXIST: noPlace,
  EISDIR: noPlace,
  ELOOP: noPlace,
  ENAMETOOLONG: noPlace,
};

/** Turns what a file operation threw into what the lane understands. */
export function problemWith(path: string, error: unknown, written = 0): SinkError {
  if (error instanceof SinkError) {
    const { kind, code, message, cause } = error;
    return new SinkError({ kind, code, message, written, cause });
  }
  const code = codeOf(error) ?? 'UNKNOWN';
  const remedy = remedies[code];
  return new SinkError({
    kind: remedy === undefined ? 'transient' : 'destination',
    code,
    message: `file: ${path}: ${messageOf(error)}${remedy === undefined ? '' : `; ${remedy}`}`,
    written,
    cause: error,
  });
}

/** The value, or null where the file (or its folder) is not there. */
export async function ifPresent<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}
