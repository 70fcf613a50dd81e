import type { Sink } from '../../src/core/sink.ts';
import { batchOf, eventDocument, testStream } from '../support/batches.ts';
import { MemoryDestination } from '../support/memory-sink.ts';
import type { OpenHarness, Poison } from './harness.ts';

/** A harness over memory for any sink that writes to a `MemoryDestination`, honest or broken. */
export function openMemory(make: (destination: MemoryDestination) => Sink): OpenHarness {
  return async () => {
    const destination = new MemoryDestination();
    return {
      make: async () => make(destination),
      readBack: async () => [...destination.documents],
      breakDestination: async () => {
        destination.broken = true;
      },
      healDestination: async () => {
        destination.broken = false;
      },
      poison: async () => poisonFor(destination),
      dispose: async () => {},
    };
  };
}

function poisonFor(destination: MemoryDestination): Poison {
  destination.maxRecordBytes = 4_096;
  const stream = testStream();
  const small = (index: number) => eventDocument(stream, { seq: 7, index, count: 3 });
  const large = eventDocument(stream, { seq: 7, index: 1, count: 3, tokens: 4_096 });
  const { id } = JSON.parse(large) as { id: string };
  return {
    batches: [batchOf(stream, [small(0), large, small(2)], 7)],
    ids: [id],
    deadLetters: async () => [...destination.deadLetters],
  };
}
