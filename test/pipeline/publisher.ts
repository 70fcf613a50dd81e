import type {
  AttemptEnd,
  AttemptOptions,
  AttemptOutcome,
  ReplayClient,
  ReplayedFrame,
  ReplayTarget,
} from '../../src/core/replay.ts';
import { payloadOf } from './played-replay.ts';

/** How one request is answered: which of the batches are dropped on the way, and how it ends. */
export interface Manner {
  readonly drops: readonly boolean[];
  readonly end: AttemptEnd;
  readonly copies: number;
}

export const neat: Manner = { drops: [false], end: 'end', copies: 1 };

/** A publisher with a bounded buffer whose live and replayed batches may both get lost. */
export class Publisher implements ReplayClient {
  incarnation = 0;
  next = 0;
  readonly #buffer: number;
  readonly #manners: readonly Manner[];
  #asked = 0;

  constructor(buffer: number, manners: readonly Manner[]) {
    this.#buffer = buffer;
    this.#manners = manners;
  }

  publish(): { seq: number; payload: Buffer } {
    const seq = this.next++;
    return { seq, payload: payloadOf(seq, this.incarnation) };
  }

  restart(): void {
    this.incarnation += 1;
    this.next = 0;
  }

  async attempt(
    _target: ReplayTarget,
    from: bigint,
    { signal, maxBytes }: AttemptOptions,
    take: (frame: ReplayedFrame) => void,
  ): Promise<AttemptOutcome> {
    const { drops, end, copies } = this.#manners[this.#asked++ % this.#manners.length] ?? neat;
    await new Promise((resolve) => setImmediate(resolve));
    if (end === 'unreachable') return { end, frames: 0, unreadable: 0 };
    let bytes = 0;
    for (let seq = Math.max(Number(from), this.next - this.#buffer, 0); seq < this.next; seq++) {
      // A fresh connection has room for a first answer.
      if (bytes > 0 && drops[seq % drops.length]) continue;
      const payload = payloadOf(seq, this.incarnation);
      // The first batch is handed over even where it exceeds the limit.
      if (bytes > 0 && bytes + payload.length > maxBytes) return { end: 'budget', frames: 0, unreadable: 0 };
      bytes += payload.length;
      for (let copy = 0; copy < copies; copy++) {
        take({ seq: BigInt(seq), topic: null, payload, receivedAt: 1_700_000_000_000 });
        if (signal.aborted) return { end: 'aborted', frames: 0, unreadable: 0 };
      }
    }
    return { end, frames: 0, unreadable: 0 };
  }
}
