import type { Frame } from '../core/frame.ts';
import type { Observe } from '../core/observer.ts';
import type { Stream } from '../core/stream.ts';
import { topicBytes } from '../wire/stream-id.ts';
import type { RecoveryPath, Wanted } from './filling.ts';
import { Filling } from './filling.ts';
import type { Need, Passage } from './passage.ts';
import { seqOf, sightingsOf } from './passage.ts';
import type { ReplayInTurnDeps } from './replay-in-turn.ts';
import { replayInTurn } from './replay-in-turn.ts';
import { seamOf } from './seam.ts';
import type { Sighting } from './sighting.ts';
import { sightingOf } from './sighting.ts';
import type { HeldFrames, StreamEntry } from './streams.ts';

export interface ReplayerOptions extends ReplayInTurnDeps {
  /** Where a stream's publisher answers replays; null where none is configured or allowed. */
  readonly endpointOf: (stream: Stream) => string | null;
  /** How long no replay is asked for after one that failed or took too long, ms: who cannot answer must not be pestered. */
  readonly cooldown: number;
  readonly observe: Observe;
}

type Origin = Pick<Frame, 'source' | 'endpoint' | 'parts'>;

/** Asks publishers for what is missing and passes it on; whoever calls holds the stream's live frames meanwhile. */
export class Replayer {
  readonly #options: ReplayerOptions;
  readonly #signal: AbortSignal;
  readonly #isLeaving: () => boolean;
  /** Forgotten with its stream. */
  readonly #pausedUntil = new WeakMap<StreamEntry, number>();

  /** `isLeaving`: what is not brought until the signal aborts is left to the next start, and not lost. */
  constructor(options: ReplayerOptions, signal: AbortSignal, isLeaving: () => boolean) {
    this.#options = options;
    this.#signal = signal;
    this.#isLeaving = isLeaving;
  }

  /** `afresh`: its publisher is a new process, whatever the old one failed to answer. */
  canReplay(entry: StreamEntry, now: number, afresh: boolean): boolean {
    if (!afresh && (this.#pausedUntil.get(entry) ?? 0) > now) return false;
    return this.canCheck(entry);
  }

  canCheck({ stream }: Pick<StreamEntry, 'stream'>): boolean {
    return !this.#signal.aborted && this.#options.endpointOf(stream) !== null;
  }

  /** Brings what a replay has; says how the frame behind the gap is to be taken. Null: it is left to the next start. */
  async fill(need: Need, behind: Frame, path: RecoveryPath): Promise<Passage | null> {
    const { entry } = need;
    if (need.restarts) await path.emit(path.intake.restart(entry, behind.receivedAt));
    const filling = await this.#replay(need, need.known, { origin: behind, path });
    if (this.#isLeaving() && filling?.loss !== null) return null;
    if (filling === null) return { origin: 'live', gapReason: 'no_replay', entry };
    if (!filling.isRestarted) return { origin: 'live', gapReason: filling.reason, entry };
    await path.emit(path.intake.restart(entry, behind.receivedAt));
    const seq = seqOf(behind);
    const again = seq === null || seq === 0n ? null : { entry, from: 0n, to: seq - 1n };
    const payload = behind.parts.at(-1) ?? Buffer.alloc(0);
    const known = new Map(seq === null ? [] : [[seq, sightingOf(payload)]]);
    const refilling = again === null ? null : await this.#replay(again, known, { origin: behind, path });
    if (this.#isLeaving() && refilling !== null && refilling.loss !== null) return null;
    return { origin: 'live', gapReason: refilling?.reason ?? 'replay_failed', entry };
  }

  /**
   * Asks whether the publisher is still the same and for what it has sent since. Frames of an incarnation that is gone may
   * still wait: `release` passes the first one on.
   */
  async catchUp(entry: StreamEntry, path: RecoveryPath, release: (frame: Frame) => Promise<void>): Promise<void> {
    const { stream } = entry;
    if (entry.state !== undefined && entry.state.mode !== 'numbered') return;
    const endpoint = this.#options.endpointOf(stream);
    if (endpoint === null) return;
    const sightings = sightingsOf(entry);
    const seam = await seamOf({ endpoint, sightings, signal: this.#signal }, this.#options);
    // Nothing is known to be missing; a live frame will show it.
    if (seam === 'unreachable') return;
    if (seam === 'restarted') {
      await this.#releaseOld(entry, endpoint, release);
      await path.emit(path.intake.restart(entry, this.#options.clock.now()));
    }
    const known = seam === 'restarted' ? new Map<bigint, Sighting>() : sightings;
    const origin = { source: stream.source, endpoint, parts: [topicBytes(stream.topic)] };
    const wanted = { entry, from: (entry.state?.last ?? -1n) + 1n, to: null };
    const filling = await this.#replay(wanted, known, { origin, path });
    if (filling?.isRestarted !== true) return;
    await path.emit(path.intake.restart(entry, this.#options.clock.now()));
    await this.#replay({ entry, from: 0n, to: null }, new Map(), { origin, path });
  }

  async #releaseOld(entry: StreamEntry, endpoint: string, release: (frame: Frame) => Promise<void>): Promise<void> {
    const frames = entry.held?.frames ?? [];
    for (let first = frames[0]; first !== undefined; first = frames[0]) {
      const seq = seqOf(first);
      if (seq === null || seq <= (entry.state?.last ?? -1n)) return;
      const sightings = new Map([[seq, sightingOf(first.parts.at(-1) ?? Buffer.alloc(0))]]);
      if ((await seamOf({ endpoint, sightings, signal: this.#signal }, this.#options)) === 'same') return;
      frames.shift();
      await release(first);
    }
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
    const request = { endpoint, from, to, known, joined, signal: this.#signal };
    for await (const stretch of replayInTurn(request, this.#options)) {
      if (this.#isLeaving() && stretch.kind === 'lost') filling.loss = stretch.reason;
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
