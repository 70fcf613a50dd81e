import type { CaptureTotals, EndReason } from '../../capture/meta.ts';
import { PublisherTally } from '../../capture/publishers.ts';
import type { CaptureWriter } from '../../capture/writer.ts';
import type { Source } from '../../core/source.ts';

export interface CaptureResult extends CaptureTotals {
  /** Of the file. */
  readonly fileBytes: number;
}

/** From sources to a file, until the signal, a limit of the writer, or a failure. */
export class CaptureSession {
  readonly tally = new PublisherTally();
  readonly #sources: readonly Source[];
  readonly #writer: CaptureWriter;
  /** Why it ended; the first reason counts. */
  #reason: EndReason | null = null;

  /** The sources are open. */
  constructor(sources: readonly Source[], writer: CaptureWriter) {
    this.#sources = sources;
    this.#writer = writer;
  }

  get frames(): number {
    return this.#writer.frames;
  }

  get fileBytes(): number {
    return this.#writer.fileBytes;
  }

  end(reason: EndReason): void {
    this.#reason ??= reason;
    for (const source of this.#sources) source.stop();
  }

  /** Rejects with the writer's `BridgeError` when the file cannot be written; it ends with a whole record even then. */
  async run(): Promise<CaptureResult> {
    const readers = this.#sources.map((source) => this.#read(source));
    // One that fails ends the others, and the file is closed in any case.
    for (const reader of readers) reader.catch(() => this.end('stopped'));
    const results = await Promise.allSettled(readers);
    await Promise.all(this.#sources.map((source) => source.close()));
    const totals = await this.#writer.finish(this.#reason ?? 'finished');
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return totals;
  }

  async #read(source: Source): Promise<void> {
    for await (const frames of source.frames()) {
      if (this.#reason !== null) return;
      const before = this.#writer.frames;
      const adding = this.#writer.add(frames);
      // What it takes it takes at once.
      for (const frame of frames.slice(0, this.#writer.frames - before)) this.tally.add(frame);
      await adding;
      const { full } = this.#writer;
      if (full !== null) return this.end(full);
    }
  }
}
