import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';

/** The part of a sink's `tls` section that means the same for all. */
export interface TlsFiles {
  /** Paths of PEM files. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly insecureSkipVerify: boolean;
}

/** `unreadable` makes the error for a file that cannot be read. Files are read anew each time: certificates are renewed. */
export async function readTls(
  files: TlsFiles,
  unreadable: (key: 'ca' | 'cert' | 'key', path: string, cause: unknown) => unknown,
): Promise<ConnectionOptions> {
  const options: ConnectionOptions = { rejectUnauthorized: !files.insecureSkipVerify };
  for (const key of ['ca', 'cert', 'key'] as const) {
    const path = files[key];
    if (path === null) continue;
    try {
      options[key] = await readFile(path);
    } catch (cause) {
      throw unreadable(key, path, cause);
    }
  }
  return options;
}
