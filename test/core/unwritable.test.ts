import { expect, it } from 'vitest';
import { unwritable } from '../../src/core/unwritable.ts';

it.each([
  ['ENOENT', 'name a file in an existing folder'],
  ['EACCES', 'give this user the right to write there, or name a file elsewhere'],
  ['EROFS', 'its file system is mounted read-only: name a file elsewhere'],
  ['EISDIR', 'it is a folder: name a file in it'],
])('says what to do about %s', (code, remedy) => {
  const error = unwritable('--truth x', Object.assign(new Error('no'), { code }));
  expect(error).toMatchObject({ name: 'ConfigError', message: `--truth x cannot be written: no; ${remedy}` });
});
