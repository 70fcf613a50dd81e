import { MemorySink } from '../support/memory-sink.ts';
import { openMemory } from './memory-harness.ts';
import { sinkContract } from './sink.contract.ts';

sinkContract(
  'the sink in memory',
  openMemory((destination) => new MemorySink(destination)),
);
