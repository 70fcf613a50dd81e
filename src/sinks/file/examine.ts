import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { codeOf } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import { fileFinding as find } from './examine-findings.ts';
import { listSegments } from './folder.ts';
import { ourselves, parseHolder, stateOf } from './holder.ts';
import { ifPresent, problemWith } from './problem.ts';

export interface FileExamination {
  readonly dir: string;
  readonly segmentBytes: number;
  readonly retainBytes: number | null;
  readonly retainSegments: number | null;
  readonly retainAge: number | null;
}

/** Less room than for so many segments is little. */
const fewSegments = 10;

/** Looks at a folder as the sink would find it, and writes nothing. */
export async function* examineFolder(config: FileExamination): AsyncGenerator<Finding> {
  const { dir } = config;
  const subject = `folder ${resolve(dir)}`;
  try {
    const place = await nearest(resolve(dir));
    const isThere = place === resolve(dir);
    if (!(await stat(place)).isDirectory()) {
      yield find('file-no-folder', subject, `${place} is no folder`);
      return;
    }
    await access(place, constants.W_OK | constants.X_OK);
    yield isThere
      ? find('file-writable', subject, 'it is there, and may be written')
      : find('file-absent', subject, `it is not there yet, and can be made in ${place}`);
    yield await room(subject, place, config);
    if (isThere) yield* contents(subject, dir);
    if (config.retainAge === null && config.retainBytes === null && config.retainSegments === null)
      yield find('file-unlimited', subject, 'none of file.retainBytes, file.retainSegments and file.retainAge is set');
  } catch (error) {
    const { message } = problemWith(dir, error);
    const [sentence = message, ...remedies] = message.split('; ');
    const remedy = remedies.join('; ');
    const facts = { error: codeOf(error) ?? 'UNKNOWN' };
    yield find('file-unwritable', subject, sentence, { facts, ...(remedy === '' ? {} : { remedy }) });
  }
}

/** The path, or what exists of it. */
async function nearest(path: string): Promise<string> {
  const found = await ifPresent(stat(path));
  return found !== null || dirname(path) === path ? path : nearest(dirname(path));
}

async function room(subject: string, place: string, { segmentBytes }: FileExamination): Promise<Finding> {
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const sentence = `${(free / 1_048_576).toFixed(0)} MiB are free`;
  const details = { facts: { free_bytes: free } };
  if (free < segmentBytes) return find('file-full', subject, sentence, details);
  return free < fewSegments * segmentBytes
    ? find('file-nearly-full', subject, sentence, details)
    : find('file-room', subject, sentence, details);
}

async function* contents(subject: string, dir: string): AsyncGenerator<Finding> {
  const segments = await listSegments(dir);
  const bytes = segments.reduce((sum, { size }) => sum + size, 0);
  yield find('file-segments', subject, `segments in it: ${segments.length}, ${(bytes / 1_048_576).toFixed(1)} MiB`, {
    facts: { segments: segments.length, bytes },
  });
  const text = await ifPresent(readFile(join(dir, '.lock'), 'utf8'));
  if (text === null) return;
  const holder = parseHolder(text);
  const state = holder === null ? 'unknown' : await stateOf(holder, await ourselves());
  const who = holder === null ? 'somebody' : `process ${holder.pid ?? '?'} on ${holder.host}`;
  const facts = { held: state === 'alive', holder: who };
  if (state === 'dead') yield find('file-lock-stale', subject, `the lock is of ${who}, which is gone`, { facts });
  else if (state === 'alive') yield find('file-name-held', subject, `${who} writes it now`, { facts });
  else
    yield find('file-lock-unclear', subject, `the lock is of ${who}; whether it lives cannot be told from here`, {
      facts,
    });
}
