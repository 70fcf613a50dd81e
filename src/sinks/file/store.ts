import type { RecordBatch } from '../../core/batch.ts';
import { codeOf, messageOf, SinkError } from '../../core/errors.ts';
import { spansOf } from '../../core/spans.ts';
import { checkpointPath, writeCheckpoints } from './checkpoint-file.ts';
import type { Retention } from './folder.ts';
import { expired, listSegments, makeFolder, remove, segmentPath, syncFolder } from './folder.ts';
import type { Note } from './inventory.ts';
import { takeInventory } from './inventory.ts';
import { Ledger } from './ledger.ts';
import { FolderLock } from './lock.ts';
import { Segment } from './segment.ts';

export interface StoreOptions extends Retention {
  readonly dir: string;
  readonly segmentBytes: number;
  /** Milliseconds. */
  readonly segmentAge: number;
  readonly fsync: 'always' | 'interval' | 'never';
}

/**
 * The folder of segments: which one is written now, when the next begins, which old ones go, and what they hold of each
 * stream. Errors are the system's, or a SinkError where the folder is no longer what we left.
 */
export class SegmentStore {
  readonly ledger = new Ledger();
  readonly #options: StoreOptions;
  readonly #note: Note;
  readonly #lock: FolderLock;
  #current: Segment | null = null;
  /** Never given out again, also when the segment was deleted under us: readers know segments by number. */
  #lastNumber = 0;
  #saving: Promise<void> = Promise.resolve();
  /** Why `checkpoints.json` could not be written the last time: said once. */
  #complaint: string | null = null;

  constructor(options: StoreOptions, note: Note) {
    this.#options = options;
    this.#note = note;
    this.#lock = new FolderLock(options.dir);
  }

  /** Makes and locks the folder, looks what it holds and continues its newest segment. Again after a failure. */
  async open(): Promise<void> {
    await this.#abandon();
    // A snapshot of before must not come behind the look into the folder.
    await this.#saving.catch(() => {});
    await makeFolder(this.#options.dir);
    await this.#lock.acquire();
    const { streams, newest, lastNumber, isSaved } = await takeInventory(this.#options.dir, this.#note);
    this.#lastNumber = Math.max(this.#lastNumber, lastNumber);
    this.ledger.reset(streams);
    if (newest === null || newest.number < this.#lastNumber) {
      await this.#begin(streams.size > 0 || !isSaved);
      return;
    }
    this.#current = await Segment.open(newest, 'continue');
    this.ledger.stand(newest.number, this.#current.size);
    await this.#tidy(!isSaved);
  }

  /** The segment that takes a batch of so many bytes now: whole, or nothing. */
  async segmentFor(bytes: number): Promise<Segment> {
    const segment = await this.#usable();
    if (!this.#isFull(segment, bytes)) return segment;
    // Where there are two segments there is a `checkpoints.json`, whenever a kill comes: without it only one is read.
    await this.save();
    return this.#begin(true);
  }

  /** Appends batches to the segment, all or none of them. */
  async append(segment: Segment, batches: readonly RecordBatch[]): Promise<void> {
    await segment.append(spansOf(batches.map(({ bytes }) => bytes)), this.#options.fsync === 'always');
    this.ledger.wrote(batches, segment.size);
  }

  /** Bytes that still fit into a segment. */
  room(segment: Segment): number {
    return this.#options.segmentBytes - segment.size;
  }

  /** Brings records to the disk, where the configuration says so, and then `checkpoints.json` up to date. */
  save(): Promise<void> {
    this.#saving = this.#saving.catch(() => {}).then(() => this.#save());
    return this.#saving;
  }

  async close(): Promise<void> {
    try {
      await this.save();
    } finally {
      await this.#abandon();
      await this.#lock.release();
    }
  }

  /** The current segment, where folder, lock and file are still what we left. */
  async #usable(): Promise<Segment> {
    const segment = this.#current;
    if (segment === null) throw lost('NOT_OPEN', `${this.#options.dir} could not be opened`);
    if (!(await this.#lock.isHeld())) throw lost('LOCK_LOST', `${this.#options.dir}: its lock was taken or removed`);
    if (!(await segment.isIntact())) {
      throw lost('SEGMENT_LOST', `${segment.path} was removed or changed by someone else`);
    }
    return segment;
  }

  #isFull(segment: Segment, bytes: number): boolean {
    if (segment.size === 0) return false;
    return bytes > this.room(segment) || Date.now() - segment.createdAt >= this.#options.segmentAge;
  }

  async #begin(mustSave: boolean): Promise<Segment> {
    const { dir, fsync } = this.#options;
    const newest = (await listSegments(dir)).at(-1);
    const number = Math.max(this.#lastNumber, newest?.number ?? 0) + 1;
    const next = await Segment.open({ number, path: segmentPath(dir, number) }, 'new');
    await this.#abandon();
    this.#lastNumber = number;
    this.#current = next;
    this.ledger.stand(number, 0);
    if (fsync !== 'never') await syncFolder(dir);
    await this.#tidy(mustSave);
    return next;
  }

  async #abandon(): Promise<void> {
    const segment = this.#current;
    this.#current = null;
    await segment?.close();
  }

  /** Before old segments go, `checkpoints.json` says what they held. */
  async #tidy(mustSave: boolean): Promise<void> {
    if (mustSave) await this.save();
    else this.ledger.isSaved();
    const segments = await listSegments(this.#options.dir);
    const old = expired(segments, this.#options, Date.now());
    for (const { path, error } of await remove(old.filter(({ number }) => number < this.ledger.savedSegment))) {
      this.#note(codeOf(error) ?? 'UNKNOWN', `cannot delete the old segment ${path}: ${messageOf(error)}`);
    }
  }

  /**
   * A `checkpoints.json` that cannot be written is no reason to stop: what it lacks is read from the segments at the next
   * start, and until then none of those is deleted.
   */
  async #save(): Promise<void> {
    if (this.#current === null || !(await this.#lock.isHeld())) return;
    const { dir, fsync } = this.#options;
    const unsaved = this.ledger.unsaved();
    // It must never speak for records that the disk does not have.
    if (fsync !== 'never') await this.#current?.sync();
    if (unsaved === null) return;
    try {
      await writeCheckpoints(dir, unsaved.snapshot, fsync !== 'never');
      unsaved.saved();
      this.#complaint = null;
    } catch (error) {
      const code = codeOf(error) ?? 'UNKNOWN';
      if (this.#complaint !== code) this.#note(code, `cannot write ${checkpointPath(dir)}: ${messageOf(error)}`);
      this.#complaint = code;
    }
  }
}

function lost(code: string, what: string): SinkError {
  const message = `file: ${what}: the folder is opened again, and what it then lacks is recorded`;
  return new SinkError({ kind: 'reopen', code, message });
}
