// The tour: breaks one thing after the other on real parts and shows who names the cause.
import { parseArgs } from 'node:util';
import { setUp } from './setup.mjs';
import { TourReport } from './tour/report.mjs';

const help = `npm run tour -- [options]

Breaks one thing after the other (wrong port, wrong topic filter, dead engine, full Redis, ...), on real bridges, engines,
Redis, Kafka, Prometheus and a real browser, and shows what /statusz, /readyz, doctor, the live page and the alerts say.

  --only TEXT   only faults whose name matches
  --json        print one JSON document in place of the blocks

Exit code 0: each of them named the cause of each fault.`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

await setUp();
const { startVitest } = await import('vitest/node');
const report = new TourReport(values.json ? () => undefined : (text) => process.stdout.write(text));
const only = values.only === undefined ? {} : { testNamePattern: values.only };
const vitest = await startVitest('test', ['test/tour/tour'], { watch: false, reporters: [report], ...only });
await vitest.close();
const seen = report.blocks;
if (values.json) process.stdout.write(`${JSON.stringify(seen, null, 2)}\n`);
else process.stdout.write(summary());

function summary() {
  const failed = seen.filter(({ answers }) => answers.some(({ state }) => state !== 'passed'));
  const names = failed.map(({ name }) => name).join(', ');
  return failed.length === 0
    ? `${seen.length} faults, each named by all who looked.\n`
    : `${seen.length} faults, not named by all who looked: ${names}.\n`;
}
