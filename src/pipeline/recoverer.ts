import type { Frame } from '../core/frame.ts';
import { bytesOf } from '../core/frame.ts';
import type { RecoveryPath } from './filling.ts';
import { Pace } from './filling.ts';
import type { Need, Passage } from './passage.ts';
import type { ReplayerOptions } from './replayer.ts';
import { Replayer } from './replayer.ts';
import type { HeldFrames, StreamEntry } from './streams.ts';

export interface RecovererOptions extends ReplayerOptions {
  /** Bytes of live frames held over all streams; beyond that, the source of a further one waits. */
  readonly heldBytes: number;
}

/** What a held frame costs beside its bytes. */
const overhead = 512;

/** Fills gaps from the publishers' replay sockets; a stream's live frames wait meanwhile. */
export class Recoverer {
  readonly #options: RecovererOptions;
  readonly #aborted = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #replayer: Replayer;
  #heldBytes = 0;
  #leavesRest = false;

  constructor(options: RecovererOptions) {
    this.#options = options;
    this.#replayer = new Replayer(options, this.#aborted.signal, () => this.#isLeaving);
  }

  canReplay(entry: StreamEntry, now: number, afresh = false): boolean {
    return this.#replayer.canReplay(entry, now, afresh);
  }

  canCheck(entry: Pick<StreamEntry, 'stream' | 'peer'>): boolean {
    return this.#replayer.canCheck(entry);
  }

  /**
   * Starts to fill what is missing before this frame; from here on the stream's live frames are held. The promise,
   * where there is one, resolves when the source may be read again.
   */
  begin(need: Need, frame: Frame, path: RecoveryPath): Promise<void> | undefined {
    const first = copyOf(frame);
    this.#count(first, 1);
    return this.#waitOn(
      this.#hold(
        need.entry,
        async () => {
          await this.#release(first, await this.#replayer.fill(need, first, path), path);
          this.#count(first, -1);
        },
        path,
      ),
    );
  }

  /**
   * Asks whether the publisher is still the same and for what it has sent since: after a restart of the bridge, and when
   * a connection is back. The stream's live frames are held meanwhile. Resolves when that is over.
   */
  async check(entry: StreamEntry, path: RecoveryPath): Promise<void> {
    if (!this.canCheck(entry)) return;
    // Once what is under way is over.
    if (entry.held !== undefined) entry.isDisturbed = true;
    else await this.#hold(entry, () => this.#catchUp(entry, path), path).released;
  }

  /** Keeps a live frame for later; the promise as that of `begin`. */
  hold(entry: StreamEntry, frame: Frame): Promise<void> | undefined {
    const { held } = entry;
    if (held === undefined) return undefined;
    const copy = copyOf(frame);
    held.frames.push(copy);
    this.#count(copy, 1);
    return this.#waitOn(held);
  }

  /**
   * Gives up every replay; resolves when what is held has reached the lanes. `leavesRest`: a next start asks again from
   * the checkpoints of the sinks, so nothing is called lost now: what waits for a replay is left to that.
   */
  async stop(leavesRest = false): Promise<void> {
    this.#leavesRest = leavesRest;
    this.#aborted.abort();
    await Promise.all(this.#running);
  }

  get #isLeaving(): boolean {
    return this.#leavesRest && this.#aborted.signal.aborted;
  }

  #count(frame: Frame, sign: 1 | -1): void {
    this.#heldBytes += sign * (bytesOf(frame) + overhead);
  }

  #waitOn({ released }: HeldFrames): Promise<void> | undefined {
    return this.#heldBytes > this.#options.heldBytes ? released : undefined;
  }

  /** Holds the stream's live frames until `work` is done, then passes them on. */
  #hold(entry: StreamEntry, work: () => Promise<void>, path: RecoveryPath): HeldFrames {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const held: HeldFrames = { frames: [], released };
    entry.held = held;
    const running = work()
      .then(() => this.#releaseAll(entry, held, path))
      .finally(() => {
        release();
        this.#running.delete(running);
      });
    this.#running.add(running);
    return held;
  }

  async #releaseAll(entry: StreamEntry, held: HeldFrames, path: RecoveryPath): Promise<void> {
    const pace = new Pace();
    // More come while these are passed on.
    while ((held.frames.length > 0 || entry.isDisturbed) && !this.#isLeaving) {
      if (entry.isDisturbed) {
        entry.isDisturbed = false;
        await this.#catchUp(entry, path);
      }
      const frame = held.frames.shift();
      if (frame !== undefined) {
        await this.#release(frame, { origin: 'live', gapReason: null, entry }, path);
        this.#count(frame, -1);
        await pace.after(bytesOf(frame));
        // What would be asked before the next live frame is asked before one that waits here, too.
        entry.isDisturbed ||= entry.isUnchecked && held.frames.length > 0;
      }
    }
    // At once, not a microtask later: a frame that is held from here on would wait for ever.
    if (!this.#isLeaving) entry.held = undefined;
  }

  #catchUp(entry: StreamEntry, path: RecoveryPath): Promise<void> {
    return this.#replayer.catchUp(entry, path, async (frame) => {
      await this.#release(frame, { origin: 'live', gapReason: 'replay_failed', entry }, path);
      this.#count(frame, -1);
    });
  }

  async #release(frame: Frame, passage: Passage | null, path: RecoveryPath): Promise<void> {
    for (let next = passage; next !== null && !this.#isLeaving; ) {
      const acceptance = path.intake.accept(frame, next);
      if (acceptance.kind === 'records') await path.emit(acceptance.all);
      if (acceptance.kind !== 'need') return;
      // A further gap, among the held frames.
      next = await this.#replayer.fill(acceptance.need, frame, path);
    }
  }
}

/** Frames are views into the library's memory: what waits must not pin it. */
function copyOf(frame: Frame): Frame {
  return { ...frame, parts: frame.parts.map((part) => Buffer.from(part)) };
}
