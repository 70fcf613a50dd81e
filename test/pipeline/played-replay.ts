import { encode } from '@msgpack/msgpack';
import type {
  AttemptEnd,
  AttemptOptions,
  AttemptOutcome,
  ReplayClient,
  ReplayedFrame,
  ReplayTarget,
} from '../../src/core/replay.ts';

/** What a publisher answers to one request; numbers below the start of the request are left out unless `verbatim`. */
export interface Answer {
  readonly seqs: readonly number[];
  readonly end?: AttemptEnd;
  /** Sends nothing more and no end marker: ends only by the caller's signal. */
  readonly hangs?: boolean;
  readonly verbatim?: boolean;
  readonly payload?: (seq: number) => Buffer;
}

export const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** The batch that the publisher of the tests sends under a number. */
/** An incarnation is later than the one before it, as publishers' clocks go. */
export function payloadOf(seq: number | bigint, incarnation = 0, rank = 0): Buffer {
  return Buffer.from(
    encode([1_763_800_000.5 + Number(seq) + incarnation * 100_000, [['BlockRemoved', [1], 'GPU']], rank]),
  );
}

/** A publisher's replay socket that a test plays: it gives the answers in order, the last one again and again. */
export class PlayedReplay implements ReplayClient {
  readonly asked: number[] = [];
  /** Signal of the attempt that runs. */
  signal: AbortSignal | undefined;
  /** Called before each answer. */
  onAsked: (from: number) => void | Promise<void> = () => undefined;
  readonly #answers: Answer[];

  constructor(...answers: Answer[]) {
    this.#answers = answers;
  }

  async attempt(
    _target: ReplayTarget,
    from: bigint,
    { signal, maxBytes }: AttemptOptions,
    take: (frame: ReplayedFrame) => void,
  ): Promise<AttemptOutcome> {
    this.asked.push(Number(from));
    this.signal = signal;
    await this.onAsked(Number(from));
    if (signal.aborted) return { end: 'aborted', frames: 0, unreadable: 0 };
    const answer = (this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]) ?? { seqs: [] };
    const seqs = answer.verbatim ? answer.seqs : answer.seqs.filter((seq) => seq >= from);
    let bytes = 0;
    let frames = 0;
    for (const seq of seqs) {
      const payload = (answer.payload ?? payloadOf)(seq);
      bytes += payload.length;
      if (bytes > maxBytes && frames > 0) return { end: 'budget', frames, unreadable: 0 };
      frames += 1;
      take({ seq: BigInt(seq), topic: null, payload, receivedAt: 1_763_800_000_000 });
      if (signal.aborted) return { end: 'aborted', frames, unreadable: 0 };
    }
    if (answer.hangs) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    return { end: answer.hangs ? 'aborted' : (answer.end ?? 'end'), frames, unreadable: 0 };
  }
}
