import type { Clock } from '../core/clock.ts';

/** How long a reader waits for a sink that is only slower than its sources, ms; after that the lane fills up. */
const patience = 100;
/** A reason that costs nothing: without one, ending a wait would make an exception with a stack. */
const done = 'done';

/**
 * Keeps the reader of the sources close to a sink that works: what waits in a lane costs memory and, once it has lived for a
 * while, the garbage collector's time, and a publisher holds it just as well. A sink that takes nothing for a while is
 * another matter: then the lane is there to be filled.
 */
export class Pace {
  readonly #clock: Pick<Clock, 'sleep'>;
  #waiting: { readonly promise: Promise<void>; readonly go: () => void } | null = null;
  /** The sink has not kept up within the patience. */
  #isSlow = false;

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock;
  }

  /** There is more in the lane than the sink takes in its next writes: what to wait for, if anything. */
  ahead(): Promise<void> | undefined {
    if (this.#isSlow) return undefined;
    this.#waiting ??= this.#wait();
    return this.#waiting.promise;
  }

  /** There is not. */
  caughtUp(): void {
    this.#isSlow = false;
    this.#waiting?.go();
  }

  #wait() {
    const over = new AbortController();
    let go = () => over.abort(done);
    const promise = new Promise<void>((resolve) => {
      go = () => {
        this.#waiting = null;
        over.abort(done);
        resolve();
      };
    });
    void this.#clock.sleep(patience, over.signal).then(() => {
      if (over.signal.aborted) return;
      this.#isSlow = true;
      go();
    });
    return { promise, go };
  }
}
