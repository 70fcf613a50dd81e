import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Frame } from '../core/frame.ts';
import { bytesOf } from '../core/frame.ts';
import type { Observe } from '../core/observer.ts';
import type { ReplayedFrame } from '../core/replay.ts';
import type { Stream } from '../core/stream.ts';
import type { Intake } from './intake.ts';
import type { Forms, Need, Passage } from './passage.ts';
import type { ReplayInTurnDeps } from './replay-in-turn.ts';
import { replayInTurn } from './replay-in-turn.ts';
import type { LossReason, Stretch } from './replay-range.ts';
import type { HeldFrames, StreamEntry } from './streams.ts';

export interface RecovererOptions extends ReplayInTurnDeps {
  /** Where a stream's publisher answers replays; null where none is configured or allowed. */
  readonly endpointOf: (stream: Stream) => string | null;
  /** Bytes of live frames held over all streams; beyond that, the source of a further one waits. */
  readonly heldBytes: number;
  /** How long no replay is asked for after one that failed or took too long, ms: who cannot answer must not be pestered. */
  readonly cooldown: number;
  readonly observe: Observe;
}

/** What the recoverer works with once the pipeline is there. */
export interface RecoveryPath {
  readonly intake: Intake;
  /** Brings records to every lane, waiting where one is full. */
  readonly emit: (all: readonly Forms[]) => Promise<void>;
}

/** What a held frame costs beside its bytes. */
const overhead = 512;
/** Bytes passed on in one go; then timers and sockets get their turn. */
const bytesPerTurn = 262_144;

/** Fills gaps from the publishers' replay sockets; a stream's live frames wait meanwhile. */
export class Recoverer {
  readonly #options: RecovererOptions;
  readonly #aborted = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** Forgotten with its stream. */
  readonly #pausedUntil = new WeakMap<StreamEntry, number>();
  #heldBytes = 0;

  constructor(options: RecovererOptions) {
    this.#options = options;
  }

  canReplay(entry: StreamEntry, now: number): boolean {
    if (this.#aborted.signal.aborted || (this.#pausedUntil.get(entry) ?? 0) > now) return false;
    return this.#options.endpointOf(entry.stream) !== null;
  }

  /**
   * Starts to fill what is missing before this frame; from here on the stream's live frames are held. The promise,
   * where there is one, resolves when the source may be read again.
   */
  begin(need: Need, frame: Frame, path: RecoveryPath): Promise<void> | undefined {
    let release: () => void = () => undefined;
    const whenReleased = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = copyOf(frame);
    const held: HeldFrames = { frames: [], released: whenReleased };
    this.#heldBytes += costOf(frame);
    need.entry.held = held;
    const work = this.#recover(need, first, { ...path, held }).finally(() => {
      release();
      this.#running.delete(work);
    });
    this.#running.add(work);
    return this.#waitOn(held);
  }

  /** Keeps a live frame for later; the promise as that of `begin`. */
  hold(entry: StreamEntry, frame: Frame): Promise<void> | undefined {
    const { held } = entry;
    if (held === undefined) return undefined;
    held.frames.push(copyOf(frame));
    this.#heldBytes += costOf(frame);
    return this.#waitOn(held);
  }

  #waitOn({ released }: HeldFrames): Promise<void> | undefined {
    return this.#heldBytes > this.#options.heldBytes ? released : undefined;
  }

  /** Gives up every replay and releases what is held; resolves when that has reached the lanes. */
  async stop(): Promise<void> {
    this.#aborted.abort();
    await Promise.all(this.#running);
  }

  async #recover(need: Need, first: Frame, path: HeldPath): Promise<void> {
    const { entry } = need;
    const { held } = path;
    const pace = new Pace();
    await this.#release(first, await this.#fill(need, first, path), path);
    this.#heldBytes -= costOf(first);
    // More come while these are passed on.
    while (held.frames.length > 0) {
      for (const frame of held.frames.splice(0)) {
        await this.#release(frame, { origin: 'live', gapReason: null, entry }, path);
        this.#heldBytes -= costOf(frame);
        await pace.after(bytesOf(frame));
      }
    }
    // At once, not a microtask later: a frame that is held from here on would wait for ever.
    entry.held = undefined;
  }

  async #release(frame: Frame, passage: Passage, path: HeldPath): Promise<void> {
    let acceptance = path.intake.accept(frame, passage);
    // A further gap, among the held frames.
    if (acceptance.kind === 'need') {
      acceptance = path.intake.accept(frame, await this.#fill(acceptance.need, frame, path));
    }
    if (acceptance.kind === 'records') await path.emit(acceptance.all);
  }

  /** Brings what a replay has; says how the frame behind the gap is to be taken. */
  async #fill(need: Need, behind: Frame, path: HeldPath): Promise<Passage> {
    const { entry, from, to, known } = need;
    const { clock, observe } = this.#options;
    const endpoint = this.#options.endpointOf(entry.stream);
    if (endpoint === null) return { origin: 'live', gapReason: 'no_replay', entry };
    const filling = new Filling(need, behind, path);
    const began = clock.now();
    const request = { endpoint, from, to, known, signal: this.#aborted.signal };
    for await (const stretch of replayInTurn(request, this.#options)) await filling.take(stretch);
    const durationMs = Math.max(clock.now() - began, 0);
    const { recovered, loss } = filling;
    const { source, id } = entry.stream;
    observe({ fact: 'replay', source, stream: id, outcome: loss ?? 'complete', recovered, durationMs });
    // One who no longer has a part, or began anew, answers well: the next gap must be asked for.
    if (filling.isUnanswered) {
      this.#pausedUntil.set(entry, clock.now() + this.#options.cooldown);
    }
    await filling.report(durationMs, clock.now());
    return { origin: 'live', gapReason: filling.reason, entry };
  }
}

interface HeldPath extends RecoveryPath {
  readonly held: HeldFrames;
}

/** What one replay brings, on its way to the lanes. */
class Filling {
  readonly #need: Need;
  readonly #behind: Frame;
  readonly #path: RecoveryPath;
  readonly #pace = new Pace();
  /** Nothing of this stream was passed on yet: what its publisher no longer has is no loss. */
  readonly #joins: boolean;
  #first: bigint | null = null;
  #last: bigint | null = null;
  /** Why numbers before the next frame are missing. */
  reason: LossReason = 'replay_failed';
  /** The last loss; null where all came. */
  loss: LossReason | null = null;
  recovered = 0n;
  /** The publisher could not be asked, or never came to an end. */
  isUnanswered = false;

  constructor(need: Need, behind: Frame, path: RecoveryPath) {
    this.#need = need;
    this.#behind = behind;
    this.#path = path;
    this.#joins = need.entry.state === undefined;
  }

  async take(stretch: Stretch): Promise<void> {
    if (stretch.kind === 'frames') {
      for (const frame of stretch.frames) await this.#pass(frame);
      return;
    }
    this.reason = stretch.reason;
    if (stretch.reason !== 'replay_truncated' && !stretch.isForeign) this.isUnanswered = true;
    const isBeforeJoin = this.#joins && this.#last === null && stretch.reason === 'replay_truncated';
    if (!isBeforeJoin) this.loss = stretch.reason;
  }

  /** The record of what was recovered, where anything was. */
  async report(durationMs: number, receivedAt: number): Promise<void> {
    const { entry, from, to } = this.#need;
    if (this.#first === null || this.#last === null) return;
    const range = { from: this.#joins ? this.#first : from, to };
    const { recovered } = this;
    const record = { ...range, recovered, last: this.#last, durationMs, receivedAt };
    await this.#path.emit([this.#path.intake.recovered(entry, record)]);
  }

  async #pass(frame: ReplayedFrame): Promise<void> {
    const { intake, emit } = this.#path;
    const passage: Passage = { origin: 'replay', gapReason: this.reason, entry: this.#need.entry };
    const acceptance = intake.accept(frameOf(frame, this.#behind), passage);
    if (acceptance.kind !== 'records' || acceptance.all.length === 0) {
      this.loss = 'replay_failed';
      return;
    }
    await emit(acceptance.all);
    this.recovered += 1n;
    this.#first ??= frame.seq;
    this.#last = frame.seq;
    await this.#pace.after(frame.payload.length);
  }
}

/** Keeps a long backlog from starving everything else. */
class Pace {
  #bytes = 0;

  async after(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes < bytesPerTurn) return;
    this.#bytes = 0;
    await nextTurn();
  }
}

/** A replayed batch belongs to the topic of the live frame: not every publisher repeats it. */
function frameOf({ seq, payload, receivedAt }: ReplayedFrame, { source, endpoint, parts }: Frame): Frame {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(seq);
  return { source, endpoint, receivedAt, parts: [parts[0] ?? Buffer.alloc(0), number, payload] };
}

/** Frames are views into the library's memory: what waits must not pin it. */
function copyOf(frame: Frame): Frame {
  return { ...frame, parts: frame.parts.map((part) => Buffer.from(part)) };
}

/** With the objects around it: frames of no bytes must not pile up without end either. */
function costOf(frame: Frame): number {
  return bytesOf(frame) + overhead;
}
