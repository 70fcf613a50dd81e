import type { RecordBatch } from '../../src/core/batch.ts';
import type { Held } from '../../src/core/checkpoint.ts';
import { comparePositions } from '../../src/core/checkpoint.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';
import { waitFor } from './services/service.ts';

/** What a lane does: tries again, connects again where it is told to, writes what the sink lacks. Returns the codes. */
export async function persist(sink: Sink, batches: readonly RecordBatch[]): Promise<Set<string>> {
  const codes = new Set<string>();
  let rest = batches;
  let isOpen = true;
  await waitFor(
    async () => {
      try {
        if (!isOpen) rest = lacking(batches, await sink.connect());
        isOpen = true;
        await sink.write(rest);
        return true;
      } catch (error) {
        if (!(error instanceof SinkError)) throw error;
        codes.add(error.code);
        rest = rest.slice(error.written);
        isOpen = isOpen && error.kind !== 'reopen';
        return false;
      }
    },
    { what: 'the records are written', timeout: 30_000 },
  );
  return codes;
}

/** What comes after what is held; the first of them follows that: the lane says with a gap record what is missing. */
export function lacking(batches: readonly RecordBatch[], held: Held): RecordBatch[] {
  const last = new Map(Array.from(held ?? [], ([id, { position }]) => [id, position]));
  return batches.flatMap((batch) => {
    const { id } = batch.stream;
    const { position } = batch.checkpoint;
    const follows = last.get(id) ?? null;
    if (follows !== null && comparePositions(position, follows) <= 0) return [];
    last.set(id, position);
    return [{ ...batch, follows }];
  });
}
