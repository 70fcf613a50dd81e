import type { Frame } from '../core/frame.ts';
import { bytesOf } from '../core/frame.ts';
import type { Observe } from '../core/observer.ts';
import type { Stream } from '../core/stream.ts';
import { topicBytes } from '../wire/stream-id.ts';
import type { RecoveryPath, Wanted } from './filling.ts';
import { Filling, Pace } from './filling.ts';
import type { Need, Passage } from './passage.ts';
import { seqOf, sightingsOf } from './passage.ts';
import type { ReplayInTurnDeps } from './replay-in-turn.ts';
import { replayInTurn } from './replay-in-turn.ts';
import { isStillTheSame } from './seam.ts';
import type { Sighting } from './sighting.ts';
import { sightingOf } from './sighting.ts';
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

/** What a held frame costs beside its bytes. */
const overhead = 512;

type Origin = Pick<Frame, 'source' | 'endpoint' | 'parts'>;

/** Fills gaps from the publishers' replay sockets; a stream's live frames wait meanwhile. */
export class Recoverer {
  readonly #options: RecovererOptions;
  readonly #aborted = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** Forgotten with its stream. */
  readonly #pausedUntil = new WeakMap<StreamEntry, number>();
  #heldBytes = 0;
  #heldFrames = 0;
  #leavesRest = false;

  constructor(options: RecovererOptions) {
    this.#options = options;
  }

  /** Live frames that wait now. */
  get held(): number {
    return this.#heldFrames;
  }

  /** `afresh`: its publisher is a new process, whatever the old one failed to answer. */
  canReplay(entry: StreamEntry, now: number, afresh = false): boolean {
    if (!afresh && (this.#pausedUntil.get(entry) ?? 0) > now) return false;
    return this.canCheck(entry);
  }

  canCheck({ stream }: Pick<StreamEntry, 'stream'>): boolean {
    return !this.#aborted.signal.aborted && this.#options.endpointOf(stream) !== null;
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
          await this.#release(first, await this.#fill(need, first, path), path);
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
    if (entry.held !== undefined || !this.canCheck(entry)) return;
    await this.#hold(entry, () => this.#catchUp(entry, path), path).released;
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
    this.#heldFrames += sign;
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
    while (held.frames.length > 0 && !this.#isLeaving) {
      for (const frame of held.frames.splice(0)) {
        await this.#release(frame, { origin: 'live', gapReason: null, entry }, path);
        this.#count(frame, -1);
        await pace.after(bytesOf(frame));
      }
    }
    // At once, not a microtask later: a frame that is held from here on would wait for ever.
    if (!this.#isLeaving) entry.held = undefined;
  }

  async #release(frame: Frame, passage: Passage | null, path: RecoveryPath): Promise<void> {
    if (passage === null || this.#isLeaving) return;
    let acceptance = path.intake.accept(frame, passage);
    // A further gap, among the held frames.
    if (acceptance.kind === 'need') {
      const next = await this.#fill(acceptance.need, frame, path);
      if (next === null) return;
      acceptance = path.intake.accept(frame, next);
    }
    if (acceptance.kind === 'records') await path.emit(acceptance.all);
  }

  /** Brings what a replay has; says how the frame behind the gap is to be taken. Null: it is left to the next start. */
  async #fill(need: Need, behind: Frame, path: RecoveryPath): Promise<Passage | null> {
    const { entry } = need;
    const filling = await this.#replay(need, need.known, { origin: behind, path });
    if (this.#isLeaving && filling?.loss !== null) return null;
    if (filling === null) return { origin: 'live', gapReason: 'no_replay', entry };
    if (!filling.isRestarted) return { origin: 'live', gapReason: filling.reason, entry };
    await path.emit(path.intake.restart(entry, behind.receivedAt));
    const seq = seqOf(behind);
    const again = seq === null || seq === 0n ? null : { entry, from: 0n, to: seq - 1n };
    const payload = behind.parts.at(-1) ?? Buffer.alloc(0);
    const known = new Map(seq === null ? [] : [[seq, sightingOf(payload)]]);
    const refilling = again === null ? null : await this.#replay(again, known, { origin: behind, path });
    if (this.#isLeaving && refilling !== null && refilling.loss !== null) return null;
    return { origin: 'live', gapReason: refilling?.reason ?? 'replay_failed', entry };
  }

  async #catchUp(entry: StreamEntry, path: RecoveryPath): Promise<void> {
    const { stream } = entry;
    const endpoint = this.#options.endpointOf(stream);
    if (endpoint === null) return;
    const sightings = sightingsOf(entry);
    const { signal } = this.#aborted;
    const isSame = await isStillTheSame({ endpoint, sightings, signal }, this.#options);
    if (isSame === false) await path.emit(path.intake.restart(entry, this.#options.clock.now()));
    const known = isSame === false ? new Map<bigint, Sighting>() : sightings;
    const origin = { source: stream.source, endpoint, parts: [topicBytes(stream.topic)] };
    const wanted = { entry, from: (entry.state?.last ?? -1n) + 1n, to: null };
    const filling = await this.#replay(wanted, known, { origin, path });
    if (filling?.isRestarted !== true) return;
    await path.emit(path.intake.restart(entry, this.#options.clock.now()));
    await this.#replay({ entry, from: 0n, to: null }, new Map(), { origin, path });
  }

  async #replay(
    wanted: Wanted,
    known: ReadonlyMap<bigint, Sighting>,
    { origin, path }: { readonly origin: Origin; readonly path: RecoveryPath },
  ): Promise<Filling | null> {
    const { entry, from, to } = wanted;
    const { clock, observe } = this.#options;
    const endpoint = this.#options.endpointOf(entry.stream);
    if (endpoint === null) return null;
    const filling = new Filling(wanted, origin, path);
    const began = clock.now();
    const joined = () => firstNumber(entry.held);
    const request = { endpoint, from, to, known, joined, signal: this.#aborted.signal };
    for await (const stretch of replayInTurn(request, this.#options)) {
      if (this.#isLeaving && stretch.kind === 'lost') filling.loss = stretch.reason;
      else await filling.take(stretch);
    }
    const durationMs = Math.max(clock.now() - began, 0);
    const { recovered, loss } = filling;
    const { source, id } = entry.stream;
    if (to !== null || recovered > 0n || loss !== null)
      observe({ fact: 'replay', source, stream: id, outcome: loss ?? 'complete', recovered, durationMs });
    // One who no longer has a part, or began anew, answers well: the next gap must be asked for.
    if (filling.isUnanswered && to !== null) this.#pausedUntil.set(entry, clock.now() + this.#options.cooldown);
    await filling.report(durationMs, clock.now());
    return filling;
  }
}

function firstNumber(held: HeldFrames | undefined): bigint | null {
  for (const frame of held?.frames ?? []) {
    const seq = seqOf(frame);
    if (seq !== null) return seq;
  }
  return null;
}

/** Frames are views into the library's memory: what waits must not pin it. */
function copyOf(frame: Frame): Frame {
  return { ...frame, parts: frame.parts.map((part) => Buffer.from(part)) };
}
