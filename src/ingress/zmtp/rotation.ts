/** What the rotation has to know of a connection. */
export interface Taken {
  readonly hasMessages: boolean;
  /** Nothing more comes. */
  readonly hasEnded: boolean;
}

/** Connections with messages to take, each in its turn. */
export class Rotation<T extends Taken> {
  readonly #waiting: T[] = [];
  #wake: (() => void) | null = null;
  #ended = false;

  /** The connection has messages where it had none. */
  add(connection: T): void {
    this.#waiting.push(connection);
    this.#wakeUp();
  }

  /** The one whose turn it is, to be taken from once and then given to `done`. */
  next(): T | null {
    return this.#waiting.shift() ?? null;
  }

  /** The connection was taken from. */
  done(connection: T): void {
    if (!connection.hasMessages) return;
    // What is left of one that has ended comes before anything of the one that takes its place.
    if (connection.hasEnded) this.#waiting.unshift(connection);
    else this.#waiting.push(connection);
  }

  /** Resolves when `next` may have something, or after `end`. One caller at a time. */
  wait(): Promise<void> {
    if (this.#waiting.length > 0 || this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  end(): void {
    this.#ended = true;
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
