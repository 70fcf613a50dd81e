// The dashboard's variables and rows. `npm run monitoring` writes dashboard.json from it.
import { on, own } from './queries.mjs';
import { overview, sequence, sources } from './rows-in.mjs';
import { accounting, latency, process, sinks } from './rows-out.mjs';

const first = (query) => `label_values(${query})`;

export const content = {
  uid: 'kv-event-bridge',
  title: 'KV event bridge',
  description: 'Sources, streams, sinks and processes of kv-event-bridge. Runbooks: docs/runbooks.md.',
  variables: [
    ['job', 'Job', first(`${own('build_info')}, job`)],
    ['instance', 'Instance', first(`${own('build_info')}{job=~"$job"}, instance`)],
    ['source', 'Source', first(`${own('source_peers')}{${on}}, source`)],
    ['sink', 'Sink', first(`${own('sink_up')}{${on}}, sink`)],
  ],
  rows: [
    ['Overview', overview],
    ['Sources', sources],
    ['Sequence and replay', sequence],
    ['Sinks and lanes', sinks],
    ['Latency', latency],
    ['Accounting', accounting],
    ['Process', process],
  ],
};
