import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Checkpoint } from '../../core/checkpoint.ts';
import type { CheckpointBook, NameState } from '../../core/checkpoint-book.ts';
import { BridgeError, SinkError } from '../../core/errors.ts';
import { writeCheckpoints } from './checkpoint-file.ts';
import { lookAt, takeInventory } from './inventory.ts';
import { FolderLock, lockPatience, lockState } from './lock.ts';
import { ifPresent, problemWith } from './problem.ts';

/** `checkpoints.json` of a folder, with what its segments have behind it; whoever has the lock writes the folder. */
export class FolderBook implements CheckpointBook {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  list(): Promise<ReadonlyMap<string, Checkpoint>> {
    return this.#run(() => lookAt(this.#dir));
  }

  nameState(): Promise<NameState> {
    return this.#run(() => lockState(this.#dir));
  }

  async put(stream: string, checkpoint: Checkpoint | null): Promise<void> {
    await this.#run(async () => {
      const lock = new FolderLock(this.#dir);
      await acquire(lock);
      try {
        await this.#write(stream, checkpoint);
      } finally {
        await lock.release();
      }
    });
  }

  async close(): Promise<void> {}

  /** Speaks for all bytes of the newest segment: what stands there of the stream is then not read again at the start. */
  async #write(stream: string, checkpoint: Checkpoint | null): Promise<void> {
    const notes: string[] = [];
    const { streams, newest } = await takeInventory(this.#dir, (_, message) => notes.push(message));
    if (newest === null) {
      const why = notes.join('; ') || 'it has no segment';
      throw new BridgeError(
        'NOTHING_THERE',
        `file: ${this.#dir}: ${why}; let the bridge write there once, and try again`,
      );
    }
    const changed = new Map(streams);
    changed.delete(stream);
    if (checkpoint !== null)
      changed.set(stream, { checkpoint, segment: streams.get(stream)?.segment ?? newest.number });
    const { size } = await stat(newest.path);
    await writeCheckpoints(this.#dir, { segment: newest.number, bytes: size, streams: changed }, true);
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    try {
      if ((await ifPresent(stat(this.#dir))) === null) {
        throw new BridgeError(
          'UNREADABLE',
          `file: there is no folder ${this.#dir}; set file.dir to the one that the bridge writes`,
        );
      }
      return await work();
    } catch (error) {
      throw error instanceof BridgeError ? error : problemWith(this.#dir, error);
    }
  }
}

/** A lock of unknown origin is taken over once nobody has touched it for a while; the other attempts only watch it. */
async function acquire(lock: FolderLock): Promise<void> {
  const until = performance.now() + lockPatience + 2_000;
  for (;;) {
    try {
      return await lock.acquire();
    } catch (error) {
      const mayPass = error instanceof SinkError && error.kind === 'transient' && performance.now() < until;
      if (!mayPass) throw error instanceof SinkError ? new BridgeError('NAME_HELD', error.message) : error;
    }
    await sleep(500);
  }
}
