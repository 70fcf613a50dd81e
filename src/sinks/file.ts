import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordBatch } from '../core/batch.ts';
import type { Held } from '../core/checkpoint.ts';
import { ConfigError, SinkError } from '../core/errors.ts';
import { laneSettings } from '../core/lane-settings.ts';
import type { SettingsValue } from '../core/settings.ts';
import type { Sink, SinkModule, WriteOutcome } from '../core/sink.ts';
import { FolderBook } from './file/book.ts';
import { examineFolder } from './file/examine.ts';
import type { Note } from './file/inventory.ts';
import { problemWith } from './file/problem.ts';
import { FolderReader } from './file/reader.ts';
import { SegmentStore } from './file/store.ts';

const settings = {
  ...laneSettings,
  dir: {
    doc: 'The folder of the segments `records-<8 digits>.ndjson`; made where it does not exist. One bridge writes it.',
    format: 'name',
    default: './data',
  },
  segmentBytes: {
    doc: 'A segment is closed before it would become larger; an engine batch is never split over two.',
    format: 'bytes',
    default: 67_108_864,
    min: 1_024,
  },
  segmentAge: {
    doc: 'A segment older than this is closed at the next write.',
    format: 'duration',
    default: 3_600_000,
    min: 1_000,
  },
  retainBytes: {
    doc: 'The oldest segments are deleted when all together are larger. Not set: nothing is deleted for its size.',
    format: 'bytes',
    default: null,
    min: 1_024,
  },
  retainSegments: {
    doc: 'The oldest segments are deleted when there are more. Not set: nothing is deleted for its number.',
    format: 'integer',
    default: null,
    min: 1,
  },
  retainAge: {
    doc: 'Segments last written longer ago are deleted, the newest never. Not set: nothing is deleted for its age.',
    format: 'duration',
    default: null,
    min: 1_000,
  },
  fsync: {
    doc: 'When records count as delivered: once the disk has confirmed them (`always`), or once the system has taken them: they then survive a kill of the bridge, and a power failure up to `fsyncInterval` ago (`interval`) or as the system pleases (`never`).',
    choices: ['always', 'interval', 'never'],
    default: 'interval',
  },
  fsyncInterval: {
    doc: 'How often written records are forced to the disk with `fsync: interval`, and how often `checkpoints.json` is brought up to date.',
    format: 'duration',
    default: 1_000,
    min: 10,
    max: 86_400_000,
  },
} as const;

type FileConfig = SettingsValue<typeof settings>;

/** A disk that no longer answers must not keep the bridge from ending. */
const closePatience = 3_000;

/**
 * Records in a folder of segments. A write resolves once the disk has the bytes (`fsync: always`) or the system has
 * them (`interval`, `never`). A write that fails leaves no bytes behind, or they are cut off before the next one.
 * Only one bridge writes a folder, and the records themselves say where each stream stands: nothing is there twice.
 */
class FileSink implements Sink {
  readonly #config: FileConfig;
  readonly #note: Note;
  readonly #store: SegmentStore;
  #timer: NodeJS.Timeout | null = null;
  #isSaving = false;
  #closing: Promise<void> | null = null;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(config: FileConfig, note: Note) {
    this.#config = config;
    this.#note = note;
    this.#store = new SegmentStore(config, note);
  }

  connect(): Promise<Held> {
    return this.#work(async () => {
      try {
        await this.#store.open();
      } catch (error) {
        throw problemWith(this.#config.dir, error);
      }
      this.#startSaving();
      return this.#store.ledger.held;
    });
  }

  write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    return this.#work(() => this.#writeAll(batches));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    const patience = new AbortController();
    const enough = sleep(closePatience, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([this.#finish(), enough]);
    patience.abort();
  }

  async #writeAll(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    this.#checkOpen();
    const lacking = this.#store.ledger.lacking(batches);
    let done = 0;
    try {
      for (let first = lacking[0]; first !== undefined; first = lacking[done]) {
        this.#checkOpen();
        const segment = await this.#store.segmentFor(first.bytes.length);
        const group = leading(lacking, done, this.#store.room(segment));
        await this.#store.append(segment, group);
        done += group.length;
      }
    } catch (error) {
      throw problemWith(this.#config.dir, error, batches.indexOf(lacking[done] as RecordBatch));
    }
    return { deadLettered: 0, batchesDeadLettered: 0 };
  }

  /** Remembers the call, so that `close` lets it end before it gives up the folder. */
  #work<T>(call: () => Promise<T>): Promise<T> {
    const result = call();
    this.#busy = result.catch(() => {});
    return result;
  }

  #checkOpen(): void {
    if (this.#closing === null) return;
    throw new SinkError({
      kind: 'transient',
      code: 'CLOSED',
      message: `file: ${this.#config.dir}: the sink was closed`,
    });
  }

  #startSaving(): void {
    if (this.#closing !== null) return;
    this.#timer ??= setInterval(() => void this.#save(), this.#config.fsyncInterval).unref();
  }

  /**
   * A failure also fails the next write, but only while it lasts: Linux says it once, takes the lost pages for written
   * and confirms the next sync. So it is told here.
   */
  async #save(): Promise<void> {
    if (this.#isSaving) return;
    this.#isSaving = true;
    try {
      await this.#store.save();
    } catch (error) {
      this.#noteUnsynced(error);
    } finally {
      this.#isSaving = false;
    }
  }

  async #finish(): Promise<void> {
    await this.#busy;
    try {
      await this.#store.close();
    } catch (error) {
      this.#noteUnsynced(error);
    }
  }

  #noteUnsynced(error: unknown): void {
    const { code, message } = problemWith(this.#config.dir, error);
    this.#note(code, `the last records may not be on the disk: ${message}`);
  }
}

/** The batches from `start` on that fit into `room` bytes; one at least: a larger one gets a segment for itself. */
function leading(batches: readonly RecordBatch[], start: number, room: number): readonly RecordBatch[] {
  let bytes = 0;
  let end = start;
  for (const batch of batches.slice(start)) {
    bytes += batch.bytes.length;
    if (end > start && bytes > room) break;
    end += 1;
  }
  return batches.slice(start, end);
}

export const fileSink: SinkModule<typeof settings> = {
  name: 'file',
  settings,
  check(config) {
    if (config.retainBytes !== null && config.retainBytes < config.segmentBytes) {
      throw new ConfigError(
        `file.retainBytes: ${config.retainBytes} is smaller than file.segmentBytes (${config.segmentBytes}): one segment alone would be too much; raise the first or lower the second`,
      );
    }
  },
  async create(config, context) {
    return new FileSink(config, (code, message) => context.observe({ fact: 'sink-note', sink: 'file', code, message }));
  },
  examine: (config) => examineFolder(config),
  async reader(config) {
    return new FolderReader(config.dir);
  },
  async checkpoints(config) {
    return new FolderBook(config.dir);
  },
};
