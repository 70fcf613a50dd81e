import { ConfigError, codeOf, messageOf } from './errors.ts';

const rights = 'give this user the right to write there, or name a file elsewhere';

const remedies: Readonly<Record<string, string>> = {
  EACCES: rights,
  EPERM: rights,
  EROFS: 'its file system is mounted read-only: name a file elsewhere',
  EISDIR: 'it is a folder: name a file in it',
};

/** Why a file that the user has named cannot be made, and what to do. */
export function unwritable(what: string, error: unknown): ConfigError {
  const remedy = remedies[codeOf(error) ?? ''] ?? 'name a file in an existing folder';
  return new ConfigError(`${what} cannot be written: ${messageOf(error)}; ${remedy}`, { cause: error });
}
