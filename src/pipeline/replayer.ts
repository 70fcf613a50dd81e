import type { Frame } from '../core/frame.ts';
import type { Observe } from '../core/observer.ts';
import type { ReplayTarget } from '../core/replay.ts';
import type { Stream } from '../core/stream.ts';
import { decodePayload } from '../wire/decode.ts';
import { topicBytes } from '../wire/stream-id.ts';
import { isOlder } from './arrival.ts';
import type { RecoveryPath, Wanted } from './filling.ts';
import { Filling } from './filling.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Overlap } from './overlap.ts';
import type { Need, Passage } from './passage.ts';
import { seqOf, sightingsOf } from './passage.ts';
import type { ReplayInTurnDeps } from './replay-in-turn.ts';
import { replayInTurn } from './replay-in-turn.ts';
import type { RangeRequest } from './replay-range.ts';
import { seamOf } from './seam.ts';
import type { Sighting } from './sighting.ts';
import { isSame, sightingOf } from './sighting.ts';
import type { HeldFrames, StreamEntry } from './streams.ts';

export interface ReplayerOptions extends ReplayInTurnDeps {
  /** Where a stream's publisher answers replays; null where none is configured or allowed. */
  readonly targetOf: (of: { readonly stream: Stream; readonly peer: string | null }) => ReplayTarget | null;
  /** How long no replay is asked for after one that failed or took too long, ms: who cannot answer must not be pestered. */
  readonly cooldown: number;
  readonly observe: Observe;
}

type Origin = Omit<Frame, 'receivedAt'>;

const nothing = Buffer.alloc(0);
/** How often in a row a publisher is asked who it is that cannot say so: it may keep nothing for replays. */
const maxUnproven = 3;

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

  canCheck(entry: Pick<StreamEntry, 'stream' | 'peer'>): boolean {
    return !this.#signal.aborted && this.#options.targetOf(entry) !== null;
  }

  /** Brings what a replay has; says how the frame behind the gap is to be taken. Null: it is left to the next start. */
  async fill(need: Need, behind: Frame, path: RecoveryPath): Promise<Passage | null> {
    const { entry } = need;
    // Looked at again: as a duplicate, or as what a sink still lacks.
    if (need.isMaybeLate && (await this.#isLate(entry, behind, path)))
      return { origin: 'live', gapReason: null, entry };
    // Cut off while it asked: whose frame it is, the next start finds out.
    if (need.isMaybeLate && this.#isLeaving()) return null;
    if (need.restarts) await path.emit(path.intake.restart(entry, behind.receivedAt));
    if (need.from > need.to) return { origin: 'live', gapReason: 'replay_failed', entry };
    const filling = await this.#replay(need, need.known, { origin: behind, path });
    if (this.#isLeaving() && filling?.loss !== null) return null;
    if (filling === null) return { origin: 'live', gapReason: 'no_replay', entry };
    if (!filling.isRestarted) return { origin: 'live', gapReason: filling.reason, entry };
    return this.#fillAgain(entry, behind, path);
  }

  /** The publisher has restarted unnoticed: everything before this frame belongs to the new incarnation. */
  async #fillAgain(entry: StreamEntry, behind: Frame, path: RecoveryPath): Promise<Passage | null> {
    await path.emit(path.intake.restart(entry, behind.receivedAt));
    const seq = seqOf(behind);
    if (seq === null || seq === 0n) return { origin: 'live', gapReason: 'replay_failed', entry };
    const known = new Map([[seq, sightingOf(behind.parts.at(-1) ?? nothing)]]);
    const filling = await this.#replay({ entry, from: 0n, to: seq - 1n }, known, { origin: behind, path });
    if (this.#isLeaving() && filling !== null && filling.loss !== null) return null;
    return { origin: 'live', gapReason: filling?.reason ?? 'replay_failed', entry };
  }

  /**
   * Asks whether the publisher is still the same and for what it has sent since. Frames of an incarnation that is gone may
   * still wait: `release` passes the first one on.
   */
  async catchUp(entry: StreamEntry, path: RecoveryPath, release: (frame: Frame) => Promise<void>): Promise<void> {
    const { stream } = entry;
    if (entry.state !== undefined && entry.state.mode !== 'numbered') return;
    entry.lateBefore = null;
    const target = this.#options.targetOf(entry);
    if (target === null) return;
    const sightings = sightingsOf(entry);
    const seam = await seamOf({ target, sightings, signal: this.#signal }, this.#options);
    // It may have begun anew and have nothing yet, or not be there yet: the next live frame has it asked again.
    entry.unproven = seam === 'same' || seam === 'restarted' ? 0 : entry.unproven + 1;
    entry.isUnchecked = entry.unproven > 0 && entry.unproven <= maxUnproven && (seam === 'unknown' || isQuiet(entry));
    if (seam === 'unreachable') return;
    if (seam === 'restarted') {
      await this.#releaseOld(entry, target, release);
      await path.emit(path.intake.restart(entry, this.#options.clock.now()));
    }
    const known = seam === 'restarted' ? new Map<bigint, Sighting>() : sightings;
    // It came through no socket of the source.
    const origin = {
      source: stream.source,
      endpoint: '',
      peer: null,
      connection: null,
      parts: [topicBytes(stream.topic)],
    };
    const wanted = { entry, from: (entry.state?.last ?? -1n) + 1n, to: null };
    const filling = await this.#replay(wanted, known, { origin, path });
    if (filling?.isRestarted !== true) return;
    await path.emit(path.intake.restart(entry, this.#options.clock.now()));
    await this.#replay({ entry, from: 0n, to: null }, new Map(), { origin, path });
  }

  /**
   * Whether the publisher is still the known incarnation and this frame one of its batches: a replay has overtaken it. Then
   * all up to the last known number are remembered, for they come live as well.
   */
  async #isLate(entry: StreamEntry, frame: Frame, path: RecoveryPath): Promise<boolean> {
    const target = this.#options.targetOf(entry);
    const from = seqOf(frame);
    const sightings = sightingsOf(entry);
    const to = entry.lateUntil;
    if (target === null || from === null || to === null) return false;
    const seam = await seamOf({ target, sightings, signal: this.#signal }, this.#options);
    if (seam === 'restarted') return false;
    if (seam !== 'same') return isEarlier(entry, frame);
    const overlap = path.intake.overlapOf(entry);
    overlap.clear();
    const found = await this.#remember({ target, from, to, known: sightings, signal: this.#signal }, overlap, frame);
    const isOurs = found ?? isEarlier(entry, frame);
    const { state } = entry;
    const isLacking = state !== undefined && (state.last ?? -1n) < from;
    if (!isOurs || isLacking) overlap.clear();
    // It is proven to be the same publisher, whose frames come in order: from here on they show what is missing.
    if (isOurs && isLacking && state.resumed !== null)
      entry.state = { ...state, resumed: { ...state.resumed, top: null } };
    return isOurs;
  }

  /** Keeps the fingerprints of a range; says whether the frame is its first batch, null where that did not come. */
  async #remember(request: RangeRequest, overlap: Overlap, frame: Frame): Promise<boolean | null> {
    let isOurs: boolean | null = null;
    for await (const stretch of replayInTurn(request, this.#options)) {
      if (stretch.kind !== 'frames') break;
      for (const { seq, payload } of stretch.frames) {
        overlap.add(seq, fingerprintOf(payload));
        if (seq === request.from) isOurs = isSame(frame.parts.at(-1) ?? nothing, sightingOf(payload));
      }
    }
    return isOurs;
  }

  async #releaseOld(entry: StreamEntry, target: ReplayTarget, release: (frame: Frame) => Promise<void>): Promise<void> {
    const frames = entry.held?.frames ?? [];
    for (let first = frames[0]; first !== undefined; first = frames[0]) {
      const seq = seqOf(first);
      if (seq === null) return;
      const sightings = new Map([[seq, sightingOf(first.parts.at(-1) ?? nothing)]]);
      const seam = await seamOf({ target, sightings, signal: this.#signal }, this.#options);
      // Its own, or nobody can say. All others are those of an incarnation before it, maybe of one in between.
      if (seam === 'same' || seam === 'unreachable') return;
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
    const target = this.#options.targetOf(entry);
    if (target === null) return null;
    const filling = new Filling(wanted, origin, path);
    const began = clock.now();
    const joined = () => firstNumber(entry.held);
    const request = { target, from, to, known, joined, signal: this.#signal };
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

/**
 * Nobody can say any more: the publisher ends or no longer keeps that batch, and its connection brings what had waited
 * there. Its own clock tells: a batch with a lower number and an earlier time than the last known one was there before it.
 */
function isEarlier(entry: StreamEntry, frame: Frame): boolean {
  const ts = timeOf(frame);
  entry.lateBefore = entry.checkpoint?.ts ?? null;
  return isOlder(entry, frame, seqOf(frame), ts);
}

function timeOf(frame: Frame): number | null {
  const decoded = decodePayload(frame.parts.at(-1) ?? nothing);
  return decoded.ok ? decoded.batch.ts : null;
}

function isQuiet({ held }: StreamEntry): boolean {
  return held === undefined || held.frames.length === 0;
}

function firstNumber(held: HeldFrames | undefined): bigint | null {
  for (const frame of held?.frames ?? []) {
    const seq = seqOf(frame);
    if (seq !== null) return seq;
  }
  return null;
}
