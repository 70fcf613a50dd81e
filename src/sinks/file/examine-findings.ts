import type { FindingRow } from '../../core/finding-table.ts';
import { finderOf } from '../../core/finding-table.ts';

/** What doctor can find out about the folder of the file sink. */
export const fileFindings = {
  'file-writable': { level: 'ok', means: 'The folder is there, and may be written.', remedy: null },
  'file-absent': { level: 'ok', means: 'The folder is not there yet; the bridge makes it.', remedy: null },
  'file-no-folder': {
    level: 'failure',
    means: 'A part of the path is a file.',
    remedy: 'file.dir must be a folder or a path where one can be made',
    cause: 'no folder',
  },
  'file-unwritable': {
    level: 'failure',
    means: 'The folder may not be written.',
    remedy: 'give the user of the bridge the right to write there, or choose another file.dir',
    cause: 'may not be written',
  },
  'file-room': { level: 'ok', means: 'So much room is left.', remedy: null },
  'file-nearly-full': {
    level: 'warning',
    means: 'There is room for fewer than ten segments.',
    remedy: 'free some space, or limit file.retainBytes',
    cause: 'little room is left',
  },
  'file-full': {
    level: 'failure',
    means: 'There is no room for a segment.',
    remedy: 'free some space, or limit file.retainBytes',
    cause: 'no room is left',
  },
  'file-segments': { level: 'ok', means: 'What the folder holds.', remedy: null },
  'file-unlimited': {
    level: 'note',
    means: 'No segment is ever deleted: the folder grows until the disk is full.',
    remedy: 'set file.retainBytes or file.retainAge',
  },
  'file-name-held': { level: 'note', means: 'A bridge that lives writes the folder now.', remedy: null },
  'file-lock-stale': {
    level: 'note',
    means: 'The lock is of a bridge that is gone; the next one takes it over.',
    remedy: null,
  },
  'file-lock-unclear': {
    level: 'note',
    means: 'The lock is of a process on another machine or in another container, which may be alive.',
    remedy: null,
  },
} as const satisfies Readonly<Record<string, FindingRow>>;

export const fileFinding = finderOf(fileFindings);
