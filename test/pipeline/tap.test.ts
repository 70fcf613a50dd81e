import { describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import type { Source } from '../../src/core/source.ts';
import type { Forms } from '../../src/pipeline/passage.ts';
import type { PipelineParts } from '../../src/pipeline/pipeline.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { batchOf, testStream } from '../support/batches.ts';

/** Sends `all` through a pipeline as the records of one frame; what happened to them, in order. */
async function pass(all: readonly Forms[], isOpen: boolean): Promise<string[]> {
  const happened: string[] = [];
  const name = ({ bytes }: RecordBatch) => bytes.toString().trim();
  const lane = {
    form: 'batch',
    push: (batch: RecordBatch) => {
      happened.push(`lane ${name(batch)}`);
      // Full after each: what comes behind is pushed later.
      return Promise.resolve();
    },
  };
  const parts = {
    intake: { accept: () => ({ kind: 'records', all }) },
    lanes: [lane],
    tap: { isOpen, take: (batch: RecordBatch) => happened.push(`tap ${name(batch)}`) },
  };
  const source = {
    frames: async function* () {
      yield [{}];
    },
  };
  await new Pipeline(parts as unknown as PipelineParts).read(source as unknown as Source);
  return happened;
}

const batch = (text: string) => batchOf(testStream(), [text]);

describe('a tap on the pipeline', () => {
  const all = [{ event: batch('a1'), batch: batch('a') }, { batch: batch('b') }];

  it('sees each batch once, in order, as single events where a lane asks for those', async () => {
    expect(await pass(all, true)).toEqual(['tap a1', 'lane a', 'tap b', 'lane b']);
  });

  it('is left alone while nobody watches', async () => {
    expect(await pass(all, false)).toEqual(['lane a', 'lane b']);
  });
});
