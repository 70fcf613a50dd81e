import { open, readFile, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NameState } from '../../core/checkpoint-book.ts';
import { codeOf, SinkError } from '../../core/errors.ts';
import type { Holder } from './holder.ts';
import { ourselves, parseHolder, stateOf } from './holder.ts';
import { ifPresent } from './problem.ts';

/** How often the holder touches its lock, and for how long an untouched one of unknown origin counts as held. */
const beat = 2_000;
export const lockPatience = 10_000;

/**
 * Keeps two bridges from writing one folder: a file that names the process holding it. The lock of a process that died
 * (kill -9) is taken over at once where its number can be checked; where it cannot (another machine or container), once
 * nobody has touched it for `lockPatience`, judged by our own clock only: those of two machines differ.
 */
export class FolderLock {
  readonly #path: string;
  #us: Holder | null = null;
  #timer: NodeJS.Timeout | null = null;
  #checkedAt = 0;
  readonly #lockWatch = new Watch();
  readonly #markerWatch = new Watch();

  constructor(dir: string) {
    this.#path = join(dir, '.lock');
  }

  /** Takes the lock, or keeps it where it is still ours. Throws a SinkError `LOCKED` while somebody else has it. */
  async acquire(): Promise<void> {
    if (this.#us !== null && (await this.#isOurs())) return;
    this.#us = null;
    const us = await ourselves();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (await createExclusive(this.#path, JSON.stringify(us))) return this.#hold(us);
      await this.#clear(us);
    }
    throw locked(this.#path, null, false);
  }

  /** Whether we still have it. Asks the disk only after a pause in which a holder might have been taken for dead. */
  async isHeld(): Promise<boolean> {
    if (this.#us === null) return false;
    return performance.now() - this.#checkedAt < 2 * beat || this.#isOurs();
  }

  async release(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    if (this.#us !== null && (await this.#isOurs())) await unlink(this.#path);
    this.#us = null;
  }

  #hold(us: Holder): void {
    this.#us = us;
    this.#checkedAt = performance.now();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#beat(), beat).unref();
  }

  async #beat(): Promise<void> {
    try {
      if (await this.#isOurs()) await utimes(this.#path, new Date(), new Date());
    } catch {
      // A full or missing disk: the next write finds out and says so.
    }
  }

  async #isOurs(): Promise<boolean> {
    const text = await ifPresent(readFile(this.#path, 'utf8'));
    const ours = text !== null && this.#us !== null && parseHolder(text)?.token === this.#us.token;
    if (ours) this.#checkedAt = performance.now();
    return ours;
  }

  /** Removes the lock of a dead holder; throws while it may be alive. */
  async #clear(us: Holder): Promise<void> {
    const found = await this.#look();
    if (found === null) return;
    const state = found.holder === null ? 'unknown' : await stateOf(found.holder, us);
    if (state === 'alive') throw locked(this.#path, found.holder, true);
    if (state === 'unknown' && !this.#lockWatch.unchanged(found.what)) throw locked(this.#path, found.holder, false);
    await this.#takeAway(found);
  }

  /**
   * Two bridges may find the same dead lock; the slower one must not delete the new lock of the faster. Only who made
   * the marker of this very holder may delete, and only after it has seen that the lock is still that holder's.
   */
  async #takeAway(found: Seen): Promise<void> {
    const marker = `${this.#path}.${found.holder?.token ?? 'unreadable'}`;
    if (!(await createExclusive(marker, ''))) {
      // Whoever made it is at it right now, or died in between.
      if (this.#markerWatch.unchanged(found.what)) await ifPresent(unlink(marker));
      throw locked(this.#path, found.holder, false);
    }
    try {
      if ((await this.#look())?.what === found.what) await ifPresent(unlink(this.#path));
    } finally {
      await ifPresent(unlink(marker));
    }
  }

  #look(): Promise<Seen | null> {
    return lookAtLock(this.#path);
  }
}

async function lookAtLock(path: string): Promise<Seen | null> {
  const text = await ifPresent(readFile(path, 'utf8'));
  const stats = await ifPresent(stat(path));
  if (text === null || stats === null) return null;
  return { holder: parseHolder(text), what: `${stats.ino} ${stats.mtimeMs} ${text}` };
}

/** Who writes a folder, without touching it. A lock of unknown origin is watched for as long as taking it over would take. */
export async function lockState(dir: string): Promise<NameState> {
  const path = join(dir, '.lock');
  const seen = await lookAtLock(path);
  if (seen === null) return { isHeld: false, evidence: `there is no lock (${path})` };
  const who = seen.holder === null ? 'another process' : `process ${seen.holder.pid ?? '?'} on ${seen.holder.host}`;
  const state = seen.holder === null ? 'unknown' : await stateOf(seen.holder, await ourselves());
  if (state === 'alive') return { isHeld: true, evidence: `${who} runs and has the lock (${path})` };
  if (state === 'dead') return { isHeld: false, evidence: `${who} had the lock and has ended (${path})` };
  for (const watch = new Watch(); ; await sleep(beat / 4)) {
    const now = await lookAtLock(path);
    if (now === null) return { isHeld: false, evidence: `${who} has given up the lock (${path})` };
    if (now.what !== seen.what) return { isHeld: true, evidence: `${who} has touched the lock just now (${path})` };
    if (watch.unchanged(now.what)) {
      return { isHeld: false, evidence: `${who} has not touched its lock for ${lockPatience / 1_000} s (${path})` };
    }
  }
}

interface Seen {
  readonly holder: Holder | null;
  /** Changes with every touch. */
  readonly what: string;
}

/** Remembers what it was shown last, and since when. */
class Watch {
  #what = '';
  #since = 0;

  /** Whether we have seen nothing but this for long enough. */
  unchanged(what: string): boolean {
    const now = performance.now();
    if (this.#what !== what) {
      this.#what = what;
      this.#since = now;
    }
    return now - this.#since >= lockPatience;
  }
}

async function createExclusive(path: string, text: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    try {
      await handle.writeFile(text);
    } catch (error) {
      // On a full disk: an empty lock would keep us out ourselves.
      await unlink(path);
      throw error;
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function locked(path: string, holder: Holder | null, certain: boolean): SinkError {
  const who = holder === null ? 'another process' : `process ${holder.pid ?? '?'} on ${holder.host}`;
  const hope = certain ? '' : `; if it is dead, its lock is taken over after ${lockPatience / 1000} s`;
  return new SinkError({
    kind: certain ? 'destination' : 'transient',
    code: 'LOCKED',
    message: `file: ${who} writes this folder (${path})${hope}; end it, or give each bridge its own file.dir`,
  });
}
