import type { Clock } from '../core/clock.ts';
import type { ReplayClient, ReplayedFrame, ReplayTarget } from '../core/replay.ts';
import type { Attempt } from './replay-attempt.ts';
import { attempt } from './replay-attempt.ts';
import type { LossReason, Lost, Stretch } from './replay-stretch.ts';
import type { Sighting } from './sighting.ts';
import { sightingOf } from './sighting.ts';

/** Attempts in a row that may bring nothing new before a hole counts as lost. */
const fruitlessAttempts = 5;
/** Attempts that bring only what was published since the one before: then the live stream has to show the rest. */
const maxChase = 20;

export interface ReplayLimits {
  /** Bytes of replayed payloads that one attempt may bring; at most twice as many are held at once. */
  readonly maxBytes: number;
  /** Milliseconds spent with the publisher in one recovery: all attempts and pauses, not the passing on of what came. */
  readonly budget: number;
  /** Pause between attempts that brought nothing, ms. */
  readonly pause: number;
}

export interface RangeRequest {
  readonly target: ReplayTarget;
  /** First missing number. */
  readonly from: bigint;
  /** Last missing number; null: as far as the publisher has got. */
  readonly to: bigint | null;
  /** Batches that are known, by number: a publisher that answers with another payload is another incarnation. */
  readonly known: ReadonlyMap<bigint, Sighting>;
  /** With `to` null: the first number that came live meanwhile, where one has; from there on nothing is asked for. */
  readonly joined?: () => bigint | null;
  readonly signal: AbortSignal;
}

export interface ReplayDeps {
  readonly client: ReplayClient;
  readonly clock: Clock;
  readonly limits: ReplayLimits;
}

/**
 * Gets a range of numbers back from a publisher's replay socket, in order, each once. A replay may leave out anything in
 * the middle, its end marker proves nothing (a ROUTER drops at its high-water mark), and it may begin later than asked:
 * so what came is checked here, and asked for again from the first hole for as long as that brings something.
 */
export async function* replayRange(request: RangeRequest, deps: ReplayDeps): AsyncGenerator<Stretch> {
  const recovery = new RangeRecovery(request, deps);
  while (!recovery.isOver) {
    const frames = recovery.take();
    if (frames.length > 0) yield { kind: 'frames', frames };
    else {
      const news = await recovery.ask();
      if (news !== null) yield news;
    }
  }
}

class RangeRecovery {
  readonly #request: RangeRequest;
  readonly #deps: ReplayDeps;
  readonly #known: Map<bigint, Sighting>;
  /** What came and lies behind a hole: the publisher may have forgotten it when the hole is asked for again. */
  readonly #have = new Map<bigint, ReplayedFrame>();
  #haveBytes = 0;
  /** First number not yet passed on or lost. */
  #next: bigint;
  #to: bigint | null;
  #isOver = false;
  #chases = 0;
  #fruitless = 0;
  #spent = 0;
  /** The repeated number alone was all that fits into one attempt. */
  #asksForMissingOnly = false;

  constructor(request: RangeRequest, deps: ReplayDeps) {
    this.#request = request;
    this.#deps = deps;
    this.#known = new Map(request.known);
    this.#next = request.from;
    this.#to = request.to;
  }

  get isOver(): boolean {
    return this.#isOver || this.#isBeyond(this.#next);
  }

  /** What is there without a hole. */
  take(): ReplayedFrame[] {
    const run: ReplayedFrame[] = [];
    this.#join();
    for (let frame = this.#have.get(this.#next); frame !== undefined; frame = this.#have.get(this.#next)) {
      if (this.#isBeyond(this.#next)) break;
      run.push(frame);
      this.#have.delete(this.#next);
      this.#haveBytes -= frame.payload.length;
      this.#next += 1n;
    }
    const last = run.at(-1);
    if (last === undefined) return run;
    // Whose the next answer is, is seen by whether it repeats this one.
    this.#known.set(last.seq, sightingOf(last.payload));
    this.#fruitless = 0;
    this.#asksForMissingOnly = false;
    return run;
  }

  /** Asks for the hole at `next`; what is lost where that was the last time. */
  async ask(): Promise<Exclude<Stretch, { kind: 'frames' }> | null> {
    const made = await this.#timed((signal) => this.#attempt(signal));
    if (made.origin === 'foreign') return this.#lose(this.#to ?? this.#next, 'replay_failed', true);
    if (made.origin === 'restarted') {
      this.#isOver = true;
      return { kind: 'restarted' };
    }
    if (made.origin === 'own') this.#keep(made.frames);
    if (this.#have.has(this.#next)) return this.#chase();
    if (this.#isAtEnd(made)) {
      this.#isOver = true;
      return null;
    }
    if (made.end === 'budget' && !this.#asksForMissingOnly) {
      this.#asksForMissingOnly = true;
      return null;
    }
    if (this.#isLate) return this.#loseHole('replay_timeout');
    this.#fruitless += 1;
    if (this.#fruitless >= fruitlessAttempts) {
      const answered = made.end === 'end' || made.end === 'budget' || this.#have.size > 0;
      return this.#loseHole(answered ? 'replay_truncated' : 'replay_failed');
    }
    await this.#timed((signal) => this.#deps.clock.sleep(this.#deps.limits.pause, signal));
    return null;
  }

  #isBeyond(seq: bigint): boolean {
    return this.#to !== null && seq > this.#to;
  }

  /** Numbers from here on come live. */
  #join(): void {
    const joined = this.#request.joined?.() ?? null;
    if (this.#request.to === null && joined !== null) this.#to ??= joined - 1n;
  }

  /** A publisher that goes on publishing always has a little more. */
  #chase(): null {
    this.#chases += 1;
    if (this.#request.to === null && this.#chases > maxChase) this.#to ??= this.#holeEnd() ?? this.#lastRun();
    return null;
  }

  /** The last number that is there without a hole from `next` on. */
  #lastRun(): bigint {
    let last = this.#next;
    while (this.#have.has(last + 1n)) last += 1n;
    return last;
  }

  /** Nobody knows of a number from `next` on: there is nothing to lose. */
  #isAtEnd({ end }: Attempt): boolean {
    if (this.#to !== null || this.#have.size > 0 || end === 'budget') return false;
    this.#join();
    return this.#to === null || this.#to < this.#next;
  }

  get #isLate(): boolean {
    return this.#request.signal.aborted || this.#spent >= this.#deps.limits.budget;
  }

  /** Charges what this takes to the budget, and aborts it when that is used up. */
  async #timed<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, limits } = this.#deps;
    const late = new AbortController();
    const done = new AbortController();
    const began = clock.now();
    const left = Math.max(limits.budget - this.#spent, 0);
    void clock.sleep(left, done.signal).then(() => late.abort());
    try {
      return await work(AbortSignal.any([this.#request.signal, late.signal]));
    } finally {
      done.abort();
      // A timer may fire a little early by the clock that is asked here.
      this.#spent = late.signal.aborted ? limits.budget : this.#spent + Math.max(clock.now() - began, 0);
    }
  }

  #attempt(limit: AbortSignal): Promise<Attempt> {
    const { client, limits } = this.#deps;
    const { target, to } = this.#request;
    return attempt({
      ...{ client, target, maxBytes: limits.maxBytes, known: this.#known, have: this.#have, limit },
      behind: to === null ? null : to + 1n,
      next: this.#next,
      to: this.#to,
      holeEnd: this.#holeEnd(),
      missingOnly: this.#asksForMissingOnly,
    });
  }

  #keep(frames: ReadonlyMap<bigint, ReplayedFrame>): void {
    for (let seq = this.#next; frames.has(seq); seq++) this.#add(frames.get(seq), Number.POSITIVE_INFINITY);
    for (const frame of frames.values()) this.#add(frame, this.#deps.limits.maxBytes);
  }

  #add(frame: ReplayedFrame | undefined, limit: number): void {
    if (frame === undefined || this.#have.has(frame.seq)) return;
    if (this.#haveBytes + frame.payload.length > limit) return;
    this.#have.set(frame.seq, frame);
    this.#haveBytes += frame.payload.length;
  }

  /** Where nothing is known behind `next`, nothing is lost: it may come live. */
  #loseHole(reason: LossReason): Lost | null {
    const end = this.#holeEnd();
    if (end !== null) return this.#lose(end, reason);
    this.#isOver = true;
    return null;
  }

  #lose(to: bigint, reason: LossReason, isForeign = false): Lost {
    const from = this.#next;
    this.#next = to + 1n;
    this.#fruitless = 0;
    return { kind: 'lost', from, to, reason, isForeign };
  }

  /** The last number of the hole at `next`: something behind it is there, or nothing up to the range's end. */
  #holeEnd(): bigint | null {
    let end = this.#to;
    for (const seq of this.#have.keys()) if (seq > this.#next && (end === null || seq - 1n < end)) end = seq - 1n;
    return end;
  }
}
