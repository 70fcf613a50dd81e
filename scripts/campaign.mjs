// Fault campaigns: publishers, a bridge and a real store, faults, and then the books. The short forms are part of `npm test`;
// here are the long ones. Prints one line of figures per campaign; the exit code is that of the test runner.
import { spawnSync } from 'node:child_process';
import { checkCount, misused, readOptions } from './options.mjs';

const campaigns = {
  kill: 'kill -9 of the bridge at random moments, restarted each time: Redis and Kafka in both modes, file',
  stores: 'kill -9 and freezing of Redis and of Kafka; a bound bridge that is killed',
  publisher: 'engines that restart, noticed and unnoticed, once and again and again',
  standby: 'two bridges of one name: kill -9 and freezing of the active one',
  soak: 'random faults for a time: memory, open files and the ledger',
};

const help = `npm run campaign -- <name> [options]

${Object.entries(campaigns)
  .map(([name, what]) => `  ${name.padEnd(10)} ${what}`)
  .join('\n')}
  all        all of them

  --rounds N      kills, outages, restarts of each campaign (default 100)
  --seconds N     length of an outage (default 30), or of the soak (default 3600)
  --publishers N  engines (default 2)
  --rate N        batches per second of each (default 150)
  --seed N        other faults at other moments (default 1)
  --only TEXT     only tests whose title matches, such as "redis, exactly-once"

Needs what npm test needs: it starts Redis and Kafka itself.`;

const { values, positionals } = readOptions('campaign', help, {
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '100' },
    seconds: { type: 'string' },
    publishers: { type: 'string', default: '2' },
    rate: { type: 'string', default: '150' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const [name, ...rest] = positionals;
const names = name === 'all' ? Object.keys(campaigns) : [name];
if (name === undefined) {
  console.log(help);
  process.exit(2);
}
if (rest.length > 0 || names.some((one) => !Object.hasOwn(campaigns, one))) {
  const known = `one of ${Object.keys(campaigns).join(', ')}, all`;
  misused('campaign', `unknown campaign ${JSON.stringify(positionals.join(' '))}: ${known}`);
}
for (const option of ['rounds', 'seconds', 'publishers', 'rate', 'seed'])
  if (values[option] !== undefined) checkCount('campaign', option, values[option]);
const env = {
  ...process.env,
  CAMPAIGN_ROUNDS: values.rounds,
  OUTAGE_ROUNDS: values.rounds,
  PUBLISHER_ROUNDS: values.rounds,
  STANDBY_ROUNDS: values.rounds,
  CAMPAIGN_PUBLISHERS: values.publishers,
  CAMPAIGN_RATE: values.rate,
  CAMPAIGN_SEED: values.seed,
  OUTAGE_SECONDS: values.seconds ?? '30',
  SOAK_SECONDS: values.seconds ?? '3600',
};
const files = names.map((one) => `test/ledger/${one}.test.ts`);
const only = values.only === undefined ? [] : ['-t', values.only];
const { status } = spawnSync('npx', ['vitest', 'run', '--no-file-parallelism', ...files, ...only], {
  stdio: 'inherit',
  env,
});
process.exit(status ?? 1);
