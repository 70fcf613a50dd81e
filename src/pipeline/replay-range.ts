import type { Clock } from '../core/clock.ts';
import type { AttemptEnd, ReplayClient, ReplayedFrame } from '../core/replay.ts';

/** Attempts in a row that may bring nothing new before a hole counts as lost. */
const fruitlessAttempts = 5;

export interface ReplayLimits {
  /** Bytes of replayed payloads that one attempt may bring; at most twice as many are held at once. */
  readonly maxBytes: number;
  /** Milliseconds spent with the publisher in one recovery: all attempts and pauses, not the passing on of what came. */
  readonly budget: number;
  /** Pause between attempts that brought nothing, ms. */
  readonly pause: number;
}

/** Why numbers of a range could not be had. */
export type LossReason = 'replay_truncated' | 'replay_failed' | 'replay_timeout';

export interface RangeRequest {
  readonly endpoint: string;
  /** First missing number. */
  readonly from: bigint;
  /** Last missing number. */
  readonly to: bigint;
  /**
   * Numbers whose payload is known, with its fingerprint: a publisher that answers with another payload is another
   * incarnation, and nothing it says fills this gap.
   */
  readonly known: ReadonlyMap<bigint, number>;
  readonly signal: AbortSignal;
}

export interface ReplayDeps {
  readonly client: ReplayClient;
  readonly clock: Clock;
  readonly limits: ReplayLimits;
  readonly fingerprint: (payload: Buffer) => number;
}

/** One stretch of what came, ready to be passed on before more is asked for. */
export type Stretch = { readonly kind: 'frames'; readonly frames: readonly ReplayedFrame[] } | Lost;

export interface Lost {
  readonly kind: 'lost';
  readonly from: bigint;
  readonly to: bigint;
  readonly reason: LossReason;
  /** Somebody answered, but another incarnation or publisher. */
  readonly isForeign: boolean;
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
      const lost = await recovery.ask();
      if (lost !== null) yield lost;
    }
  }
}

interface Attempt {
  readonly end: AttemptEnd;
  /** `foreign`: a number has another payload than the known one; `unproven`: no known number was among the answers. */
  readonly origin: 'own' | 'foreign' | 'unproven';
  readonly frames: ReadonlyMap<bigint, ReplayedFrame>;
}

class RangeRecovery {
  readonly #request: RangeRequest;
  readonly #deps: ReplayDeps;
  readonly #known: Map<bigint, number>;
  /** What came and lies behind a hole: the publisher may have forgotten it when the hole is asked for again. */
  readonly #have = new Map<bigint, ReplayedFrame>();
  #haveBytes = 0;
  /** First number not yet passed on or lost. */
  #next: bigint;
  #fruitless = 0;
  #spent = 0;
  /** The repeated number alone was all that fits into one attempt. */
  #asksForMissingOnly = false;

  constructor(request: RangeRequest, deps: ReplayDeps) {
    this.#request = request;
    this.#deps = deps;
    this.#known = new Map(request.known);
    this.#next = request.from;
  }

  get isOver(): boolean {
    return this.#next > this.#request.to;
  }

  /** What is there without a hole. */
  take(): ReplayedFrame[] {
    const run: ReplayedFrame[] = [];
    for (let frame = this.#have.get(this.#next); frame !== undefined; frame = this.#have.get(this.#next)) {
      run.push(frame);
      this.#have.delete(this.#next);
      this.#haveBytes -= frame.payload.length;
      this.#next += 1n;
    }
    const last = run.at(-1);
    if (last === undefined) return run;
    // Whose the next answer is, is seen by whether it repeats this one.
    this.#known.set(last.seq, this.#deps.fingerprint(last.payload));
    this.#fruitless = 0;
    this.#asksForMissingOnly = false;
    return run;
  }

  /** Asks for the hole at `next`; what is lost where that was the last time. */
  async ask(): Promise<Lost | null> {
    const attempt = await this.#timed(async (signal) => this.#proven(await this.#attempt(signal), signal));
    if (attempt.origin === 'foreign') return this.#lose(this.#request.to, 'replay_failed', true);
    if (attempt.origin === 'own') this.#keep(attempt.frames);
    if (this.#have.has(this.#next)) return null;
    if (attempt.end === 'budget' && !this.#asksForMissingOnly) {
      this.#asksForMissingOnly = true;
      return null;
    }
    if (this.#isLate) return this.#lose(this.#holeEnd(), 'replay_timeout');
    this.#fruitless += 1;
    if (this.#fruitless >= fruitlessAttempts) {
      const answered = attempt.end === 'end' || attempt.end === 'budget' || this.#have.size > 0;
      return this.#lose(this.#holeEnd(), answered ? 'replay_truncated' : 'replay_failed');
    }
    await this.#timed((signal) => this.#deps.clock.sleep(this.#deps.limits.pause, signal));
    return null;
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

  /**
   * Where no known number was among the answers the one behind the gap is asked for: the publisher sent it, so that one
   * that has nothing of the kind began anew meanwhile.
   */
  async #proven(attempt: Attempt, limit: AbortSignal): Promise<Attempt> {
    const { endpoint, to } = this.#request;
    const known = this.#known.get(to + 1n);
    if (attempt.origin !== 'unproven' || attempt.frames.size === 0) return attempt;
    if (known === undefined) return { ...attempt, origin: 'own' };
    const { client, limits, fingerprint } = this.#deps;
    const enough = new AbortController();
    let origin: Attempt['origin'] = 'unproven';
    const signal = AbortSignal.any([limit, enough.signal]);
    const { end } = await client.attempt(endpoint, to + 1n, { maxBytes: limits.maxBytes, signal }, (frame) => {
      origin = frame.seq === to + 1n && fingerprint(frame.payload) !== known ? 'foreign' : 'own';
      enough.abort();
    });
    return { ...attempt, origin: origin === 'unproven' && end === 'end' ? 'foreign' : origin };
  }

  /** Asks for one more than is missing where the number before is known: that shows whose replay it is. */
  async #attempt(limit: AbortSignal): Promise<Attempt> {
    const { client, limits, fingerprint } = this.#deps;
    const { endpoint, to } = this.#request;
    const next = this.#next;
    const start = !this.#asksForMissingOnly && next > 0n && this.#known.has(next - 1n) ? next - 1n : next;
    const holeEnd = this.#holeEnd();
    const enough = new AbortController();
    const frames = new Map<bigint, ReplayedFrame>();
    let origin: Attempt['origin'] = 'unproven';
    const take = (frame: ReplayedFrame) => {
      const { seq } = frame;
      const known = this.#fingerprintAt(seq);
      if (known !== undefined && known !== fingerprint(frame.payload)) origin = 'foreign';
      else if (origin === 'unproven' && known !== undefined) origin = 'own';
      if (seq >= next && seq <= to && !this.#have.has(seq) && !frames.has(seq)) frames.set(seq, frame);
      // Publishers send in order: what follows is there already, or was never missing.
      if (origin === 'foreign' || seq > holeEnd) enough.abort();
    };
    const signal = AbortSignal.any([limit, enough.signal]);
    const { end } = await client.attempt(endpoint, start, { maxBytes: limits.maxBytes, signal }, take);
    return { frames, origin, end: enough.signal.aborted ? 'end' : end };
  }

  #fingerprintAt(seq: bigint): number | undefined {
    const held = this.#have.get(seq);
    return held === undefined ? this.#known.get(seq) : this.#deps.fingerprint(held.payload);
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

  #lose(to: bigint, reason: LossReason, isForeign = false): Lost {
    const from = this.#next;
    this.#next = to + 1n;
    this.#fruitless = 0;
    return { kind: 'lost', from, to, reason, isForeign };
  }

  /** The last number of the hole at `next`: something behind it is there, or nothing up to the range's end. */
  #holeEnd(): bigint {
    let end = this.#request.to;
    for (const seq of this.#have.keys()) if (seq > this.#next && seq - 1n < end) end = seq - 1n;
    return end;
  }
}
