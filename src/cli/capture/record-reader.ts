import { CaptureReader, cutText, damaged } from '../../capture/reader.ts';
import { recordAt } from '../../core/batch.ts';
import type { Frame } from '../../core/frame.ts';
import type { ReadingOptions, RecordReader, StoredRecord } from '../../core/record-reader.ts';
import { Intake } from '../../pipeline/intake.ts';
import { StreamTable } from '../../pipeline/streams.ts';
import { identityOf } from '../../turn-parts.ts';
import { FastTranscoder } from '../../wire/fast/transcoder.ts';
import { sourceConfigOf } from '../replay/sources.ts';

/** As the bridge's own, by default. */
const limits = { maxStreams: 10_000, streamTtl: 86_400_000 };

/** What is wrong with a capture that was read; `isBad`: more than that it was cut. */
export interface Flaw {
  readonly text: string;
  readonly isBad: boolean;
}

/** The records that a bridge would make of a capture. */
export class CaptureRecords implements RecordReader {
  readonly #reader: CaptureReader;
  readonly #intake: Intake;

  private constructor(reader: CaptureReader) {
    this.#reader = reader;
    const sources = reader.meta.sources.map(sourceConfigOf);
    const nobody = () => false;
    this.#intake = new Intake({
      streams: new StreamTable(limits, () => undefined),
      forms: new Set(['event']),
      rules: new Map(sources.map((source) => [source.name, { ...source, identity: identityOf(source) }])),
      transcoder: new FastTranscoder(() => undefined),
      canReplay: nobody,
      canCheck: nobody,
      observe: () => undefined,
    });
  }

  /** Throws a `BridgeError` where the file is no capture. */
  static async open(path: string): Promise<CaptureRecords> {
    return new CaptureRecords(await CaptureReader.open(path));
  }

  async *records({ signal, onProgress }: ReadingOptions): AsyncGenerator<StoredRecord> {
    const { path, size } = this.#reader;
    for await (const frames of this.#reader.frames()) {
      for (const frame of frames) {
        if (signal.aborted) return;
        yield* this.#recordsOf(frame, path);
      }
      onProgress?.(this.#reader.offset, size);
    }
  }

  /** Once all was read; null where nothing is wrong. */
  get flaw(): Flaw | null {
    const { ending, path, size } = this.#reader;
    if (ending.kind === 'complete') return null;
    if (ending.kind === 'damaged')
      return { isBad: true, text: `${damaged(path, ending).message}; the numbers are those of what is before it` };
    return { isBad: false, text: cutText(path, ending, size) };
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  *#recordsOf(frame: Frame, place: string): Generator<StoredRecord> {
    const acceptance = this.#intake.accept(frame);
    if (acceptance.kind !== 'records') throw new Error('nobody could be asked');
    for (const { event } of acceptance.all) {
      if (event === undefined) continue;
      for (const index of event.ends.keys()) yield { text: recordAt(event, index).toString('utf8'), place };
      event.memory?.release();
    }
  }
}
