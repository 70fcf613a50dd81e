import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Frame } from '../../core/frame.ts';
import { systemClock } from '../clock.ts';

/** Frames passed on at once at most, so that timers and sockets get their turn. */
const maxAtOnce = 64;

/** When frames are due again: with the pauses that were between them, divided by the speed. */
export class Pace {
  readonly #speed: number;
  readonly #signal: AbortSignal;
  /** Of the first frame: its own time and when it went out. */
  #first: { readonly at: number; readonly now: number } | null = null;

  /** `speed`: infinite for no pauses. */
  constructor(speed: number, signal: AbortSignal) {
    this.#speed = speed;
    this.#signal = signal;
  }

  /** Those that are due together, at their time; ends early once the signal aborts. */
  async *of(frames: readonly Frame[]): AsyncGenerator<readonly Frame[]> {
    for (let next = 0; next < frames.length; ) {
      await this.#until(frames[next] as Frame);
      if (this.#signal.aborted) return;
      let end = next + 1;
      while (end < frames.length && end - next < maxAtOnce && this.#wait(frames[end] as Frame) <= 0) end += 1;
      yield frames.slice(next, end);
      next = end;
    }
  }

  async #until(frame: Frame): Promise<void> {
    const wait = this.#wait(frame);
    if (wait > 0) await systemClock.sleep(wait, this.#signal);
    else await nextTurn();
  }

  /** Milliseconds; the clock of whoever captured may have been set back. */
  #wait({ receivedAt }: Frame): number {
    const now = performance.now();
    this.#first ??= { at: receivedAt, now };
    if (this.#speed === Number.POSITIVE_INFINITY) return 0;
    return this.#first.now + (receivedAt - this.#first.at) / this.#speed - now;
  }
}
