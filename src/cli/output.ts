/** Standard output with back-pressure, which somebody may stop to read (`| head`). */
export class Output {
  readonly #stream: NodeJS.WritableStream;
  readonly #gone = new AbortController();

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
    // What failed beside that main.ts says.
    stream.once('error', () => this.#gone.abort());
    stream.once('close', () => this.#gone.abort());
  }

  /** Aborts once nobody reads any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Resolves when there is room for more, or nobody reads any more. */
  async write(text: string): Promise<void> {
    const { signal } = this.#gone;
    if (signal.aborted || this.#stream.write(text)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#stream.removeListener('drain', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#stream.once('drain', done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
