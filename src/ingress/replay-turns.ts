/** Lets a limited number through at a time, the others in the order in which they came. */
export class Turns {
  #free: number;
  readonly #waiting = new Set<(granted: boolean) => void>();

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Resolves with true when it is the caller's turn, who must `give` it back; with false once the signal aborts. */
  take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const settle = (granted: boolean) => {
        signal.removeEventListener('abort', leave);
        resolve(granted);
      };
      const leave = () => {
        this.#waiting.delete(settle);
        settle(false);
      };
      signal.addEventListener('abort', leave);
      this.#waiting.add(settle);
    });
  }

  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next(true);
  }
}
