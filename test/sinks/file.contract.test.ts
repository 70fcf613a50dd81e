import { sinkContract } from '../contract/sink.contract.ts';
import { openFileHarness } from './file-harness.ts';

const noPoison = 'a file takes any record';
const checkpoints = { delivery: 'exactly-once', noFence: 'a lock keeps a second bridge out of the folder' } as const;

sinkContract('file', openFileHarness({}), { noPoison, checkpoints });
sinkContract('file with fsync: always and small segments', openFileHarness({ fsync: 'always', segmentBytes: 20_000 }), {
  noPoison,
  checkpoints,
});
