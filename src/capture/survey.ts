import type { Frame } from '../core/frame.ts';
import type { CaptureMeta } from './meta.ts';
import type { CapturedPublisher } from './publishers.ts';
import { PublisherTally, topicOf } from './publishers.ts';
import type { Ending } from './reader.ts';
import { CaptureReader } from './reader.ts';

/** What a capture holds, once all of it was read. */
export interface Survey {
  readonly meta: CaptureMeta;
  readonly ending: Ending;
  /** Bytes of the file, and how many of them are sound. */
  readonly size: number;
  readonly sound: number;
  /** Of the frames that are wanted; so is all that follows. */
  readonly frames: number;
  readonly firstAt: number | null;
  readonly lastAt: number | null;
  readonly publishers: readonly CapturedPublisher[];
}

export interface SurveyOptions {
  readonly wants: (frame: Frame) => boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** Reads a capture from end to end: what is wrong with it shows before anything of it is used. */
export async function surveyCapture(path: string, { wants, signal, onProgress }: SurveyOptions): Promise<Survey> {
  const reader = await CaptureReader.open(path);
  const { meta, size } = reader;
  const tally = new PublisherTally();
  let [frames, firstAt, lastAt] = [0, null as number | null, null as number | null];
  try {
    for await (const list of reader.frames()) {
      if (signal.aborted) break;
      for (const frame of list) {
        if (!wants(frame)) continue;
        tally.add(frame);
        frames += 1;
        firstAt ??= frame.receivedAt;
        lastAt = frame.receivedAt;
      }
      onProgress(reader.offset, size);
    }
    const { publishers } = tally;
    return { meta, ending: reader.ending, size, sound: reader.offset, frames, firstAt, lastAt, publishers };
  } finally {
    await reader.close();
  }
}

/** Frames whose topic begins with one of these, as a subscription would choose them; all where there is none. */
export function withTopics(prefixes: readonly string[]): (frame: Frame) => boolean {
  if (prefixes.length === 0) return () => true;
  const wanted = prefixes.map((prefix) => Buffer.from(prefix));
  return (frame) => {
    const topic = topicOf(frame) ?? Buffer.alloc(0);
    return wanted.some((prefix) => topic.subarray(0, prefix.length).equals(prefix));
  };
}
