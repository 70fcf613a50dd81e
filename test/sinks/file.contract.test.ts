import { sinkContract } from '../contract/sink.contract.ts';
import { openFileHarness } from './file-harness.ts';

const noPoison = 'a file takes any record';

sinkContract('file', openFileHarness({}), { noPoison });
sinkContract('file with fsync: always and small segments', openFileHarness({ fsync: 'always', segmentBytes: 20_000 }), {
  noPoison,
});
