import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Frame } from '../core/frame.ts';
import type { ReplayedFrame } from '../core/replay.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Intake } from './intake.ts';
import type { Forms, Passage } from './passage.ts';
import type { LossReason, Stretch } from './replay-stretch.ts';
import type { StreamEntry } from './streams.ts';

/** What the recoverer works with once the pipeline is there. */
export interface RecoveryPath {
  readonly intake: Intake;
  /** Brings records to every lane, waiting where one is full. */
  readonly emit: (all: readonly Forms[]) => Promise<void>;
}

export interface Wanted {
  readonly entry: StreamEntry;
  readonly from: bigint;
  /** Null: as far as the publisher has got; what is replayed may then come live as well. */
  readonly to: bigint | null;
}

/** Bytes passed on in one go; then timers and sockets get their turn. */
const bytesPerTurn = 262_144;
/** Lost numbers that are remembered one by one, in case they still come live. */
const maxRemembered = 10_000n;

/** What one replay brings, on its way to the lanes. */
export class Filling {
  readonly #wanted: Wanted;
  readonly #origin: Omit<Frame, 'receivedAt'>;
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
  isRestarted = false;

  /** `origin`: a frame of the stream, whose topic not every publisher repeats in its answers. */
  constructor(wanted: Wanted, origin: Omit<Frame, 'receivedAt'>, path: RecoveryPath) {
    this.#wanted = wanted;
    this.#origin = origin;
    this.#path = path;
    const { state } = wanted.entry;
    this.#joins = state === undefined || (state.last === null && state.resumed?.opening?.kind === 'start');
  }

  async take(stretch: Stretch): Promise<void> {
    if (stretch.kind === 'restarted') {
      this.isRestarted = true;
      return;
    }
    if (stretch.kind === 'frames') {
      for (const frame of stretch.frames) await this.#pass(frame);
      return;
    }
    this.reason = stretch.reason;
    if (stretch.reason !== 'replay_truncated' && !stretch.isForeign) this.isUnanswered = true;
    if (this.#wanted.to === null) this.#rememberLost(stretch.from, stretch.to);
    const isBeforeJoin = this.#joins && this.#last === null && stretch.reason === 'replay_truncated';
    if (!isBeforeJoin) this.loss = stretch.reason;
  }

  /** The record of what was recovered, where anything was. */
  async report(durationMs: number, receivedAt: number): Promise<void> {
    const { entry, from, to } = this.#wanted;
    if (this.#first === null || this.#last === null) return;
    const range = { from: this.#joins ? this.#first : from, to: to ?? this.#last };
    const { recovered } = this;
    const record = { ...range, recovered, last: this.#last, durationMs, receivedAt };
    await this.#path.emit([this.#path.intake.recovered(entry, record)]);
  }

  async #pass(frame: ReplayedFrame): Promise<void> {
    const { intake, emit } = this.#path;
    const { entry, to } = this.#wanted;
    const passage: Passage = { origin: 'replay', gapReason: this.reason, entry };
    const acceptance = intake.accept(frameOf(frame, this.#origin), passage);
    if (acceptance.kind !== 'records' || acceptance.all.length === 0) {
      this.loss = 'replay_failed';
      return;
    }
    if (to === null) {
      intake.overlapOf(entry).add(frame.seq, fingerprintOf(frame.payload));
      if (frame.seq > (entry.lateUntil ?? -1n)) entry.lateUntil = frame.seq;
    }
    await emit(acceptance.all);
    this.recovered += 1n;
    this.#first ??= frame.seq;
    this.#last = frame.seq;
    await this.#pace.after(frame.payload.length);
  }

  #rememberLost(from: bigint, to: bigint): void {
    const overlap = this.#path.intake.overlapOf(this.#wanted.entry);
    for (let seq = to - from < maxRemembered ? from : to - maxRemembered; seq <= to; seq++) overlap.add(seq, null);
  }
}

/** Keeps a long backlog from starving everything else. */
export class Pace {
  #bytes = 0;

  async after(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes < bytesPerTurn) return;
    this.#bytes = 0;
    await nextTurn();
  }
}

function frameOf({ seq, payload, receivedAt }: ReplayedFrame, origin: Omit<Frame, 'receivedAt'>): Frame {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(seq);
  return { ...origin, receivedAt, parts: [origin.parts[0] ?? Buffer.alloc(0), number, payload] };
}
