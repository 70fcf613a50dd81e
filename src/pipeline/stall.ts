/** How long reading has waited for one lane; several readers that wait at once count once. */
export class Stall {
  readonly #now: () => number;
  #waiting = 0;
  #since = 0;
  #ms = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts until it resolves; gives it back. */
  during(wait: Promise<void>): Promise<void> {
    if (this.#waiting === 0) this.#since = this.#now();
    this.#waiting += 1;
    void wait.then(() => {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#add();
    });
    return wait;
  }

  /** Milliseconds since this was last asked, those of a wait that goes on included. */
  take(): number {
    if (this.#waiting > 0) this.#add();
    const ms = this.#ms;
    this.#ms = 0;
    return ms;
  }

  #add(): void {
    const now = this.#now();
    this.#ms += Math.max(now - this.#since, 0);
    this.#since = now;
  }
}
