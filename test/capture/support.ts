import fc from 'fast-check';
import { CaptureEncoder } from '../../src/capture/encoder.ts';
import type { CaptureMeta, EndReason } from '../../src/capture/meta.ts';
import type { Ending } from '../../src/capture/reader.ts';
import { CaptureReader } from '../../src/capture/reader.ts';
import type { Frame } from '../../src/core/frame.ts';
import { bytesOf } from '../../src/core/frame.ts';

export const meta: CaptureMeta = {
  program: '0.0.0-test',
  createdAt: 1_763_800_000_000,
  sources: [
    {
      name: 'zmq',
      mode: 'bind',
      endpoint: 'tcp://*:5557',
      transport: 'zmtp',
      dataParallelSize: 1,
      sequenceScope: 'rank',
      identity: 'auto',
      maxFrameBytes: 16_777_216,
    },
  ],
};

export const someFrame: Frame = {
  source: 'zmq',
  endpoint: 'tcp://*:5557',
  peer: '10.0.0.5',
  connection: 1,
  parts: [Buffer.from('kv@a@m'), Buffer.alloc(8), Buffer.from('payload')],
  receivedAt: 1_763_800_000_123,
};

export const anyFrame: fc.Arbitrary<Frame> = fc.record({
  source: fc.constant('zmq'),
  endpoint: fc.constantFrom('tcp://*:5557', 'tcp://*:5558'),
  peer: fc.constantFrom(null, '10.0.0.5', 'fd00::7'),
  connection: fc.constantFrom(null, 1, 2),
  parts: fc.array(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    { minLength: 1, maxLength: 4 },
  ),
  receivedAt: fc.double({ min: 0, max: 2e12, noNaN: true }),
});

/** A whole capture in memory, and where each frame's records end in it. */
export function encoded(frames: readonly Frame[], reason: EndReason = 'stopped') {
  const encoder = new CaptureEncoder();
  const chunks = [encoder.begin(meta)];
  const ends: number[] = [];
  for (const frame of frames) {
    const chunk = encoder.frame(frame);
    ends.push((ends.at(-1) ?? chunks[0]?.length ?? 0) + chunk.length);
    chunks.push(chunk);
  }
  const bytes = frames.reduce((sum, frame) => sum + bytesOf(frame), 0);
  const [firstAt, lastAt] = [frames[0]?.receivedAt ?? null, frames.at(-1)?.receivedAt ?? null];
  chunks.push(encoder.end({ frames: frames.length, bytes, firstAt, lastAt, reason }));
  return { bytes: Buffer.concat(chunks), ends };
}

export interface ReadBack {
  readonly frames: readonly Frame[];
  readonly ending: Ending;
  readonly meta: CaptureMeta;
}

export async function readBack(path: string): Promise<ReadBack> {
  const reader = await CaptureReader.open(path);
  try {
    const frames: Frame[] = [];
    for await (const list of reader.frames()) frames.push(...list);
    return { frames, ending: reader.ending, meta: reader.meta };
  } finally {
    await reader.close();
  }
}
