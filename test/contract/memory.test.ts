import { MemorySink } from '../support/memory-sink.ts';
import { openMemory } from './memory-harness.ts';
import { sinkContract } from './sink.contract.ts';

for (const delivery of ['at-least-once', 'exactly-once'] as const) {
  sinkContract(
    `the sink in memory, ${delivery}`,
    openMemory((destination) => new MemorySink(destination, delivery)),
    { checkpoints: { delivery } },
  );
}
