import { CaptureReader } from '../../capture/reader.ts';
import type { Frame } from '../../core/frame.ts';
import type { Source } from '../../core/source.ts';
import { Pace } from './pace.ts';

export interface CaptureSourceOptions {
  readonly path: string;
  readonly speed: number;
  readonly wants: (frame: Frame) => boolean;
  /** Called with frames that are about to be passed on, and the bytes of the file up to them. */
  readonly onFrames: (frames: readonly Frame[], offset: number) => void;
  /** Called once all were passed on; the source ends when it resolves. */
  readonly onRead: () => Promise<void>;
}

/** The frames of a capture as a source of the bridge: all publishers of all its sources, in the order of the capture. */
export class CaptureSource implements Source {
  readonly name = 'capture';
  readonly endpoint: string;
  readonly #options: CaptureSourceOptions;
  readonly #stopping = new AbortController();
  #reader: CaptureReader | null = null;

  constructor(options: CaptureSourceOptions) {
    this.endpoint = options.path;
    this.#options = options;
  }

  async open(): Promise<void> {
    this.#reader = await CaptureReader.open(this.#options.path);
  }

  async *frames(): AsyncGenerator<readonly Frame[], void, undefined> {
    const { speed, wants, onFrames, onRead } = this.#options;
    const { signal } = this.#stopping;
    const pace = new Pace(speed, signal);
    for await (const list of this.#reader?.frames() ?? []) {
      for await (const due of pace.of(list.filter(wants))) {
        onFrames(due, this.#reader?.offset ?? 0);
        yield due;
      }
      if (signal.aborted) return;
    }
    await Promise.race([onRead(), new Promise<void>((resolve) => onAbort(signal, resolve))]);
  }

  stop(): void {
    this.#stopping.abort();
  }

  async close(): Promise<void> {
    this.stop();
    const reader = this.#reader;
    this.#reader = null;
    await reader?.close();
  }
}

function onAbort(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}
