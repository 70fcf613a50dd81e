// The tour: breaks one thing after the other on real parts and shows who names the cause.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { misused, readOptions } from './options.mjs';
import { fail, root, setUp } from './setup.mjs';
import { documentOf } from './tour/document.mjs';
import { replaceBetween } from './tour/markers.mjs';
import { TourReport } from './tour/report.mjs';

const help = `npm run tour -- [options]

Breaks one thing after the other (wrong port, wrong topic filter, dead engine, full Redis, ...), on real bridges, engines,
Redis, Kafka, Prometheus and a real browser, and shows what /statusz, /readyz, doctor, the live page and the alerts say.

  --only TEXT   only faults whose name matches
  --write       put what doctor and the others said into docs/operations.md
  --json        print one JSON document in place of the blocks

Exit code 0: each of them named the cause of each fault.`;

const { values } = readOptions('tour', help, {
  options: {
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
if (values.write && values.only !== undefined) misused('tour', '--write needs all faults: leave out --only');

await setUp();
const { startVitest } = await import('vitest/node');
const report = new TourReport(values.json ? () => undefined : (text) => process.stdout.write(text));
const only = values.only === undefined ? {} : { testNamePattern: values.only };
const vitest = await startVitest('test', ['test/tour/tour'], { watch: false, reporters: [report], ...only });
await vitest.close();
const seen = report.blocks;
if (report.problems.length > 0) fail(report.problems.join('\n'));
if (seen.length === 0) fail(`no fault matches --only ${JSON.stringify(values.only ?? '')}`);
if (values.json) process.stdout.write(`${JSON.stringify(seen, null, 2)}\n`);
else process.stdout.write(summary());
if (values.write) write();

function write() {
  if (seen.some(isUnnamed)) fail('docs/operations.md stays as it is: not every fault was named');
  const path = join(root, 'docs', 'operations.md');
  writeFileSync(path, replaceBetween(readFileSync(path, 'utf8'), 'tour', documentOf(seen)));
}

function isUnnamed({ answers }) {
  return answers.some(({ state }) => state !== 'passed');
}

function summary() {
  const failed = seen.filter(isUnnamed);
  const names = failed.map(({ name }) => name).join(', ');
  return failed.length === 0
    ? `${seen.length} faults, each named by all who looked.\n`
    : `${seen.length} faults, not named by all who looked: ${names}.\n`;
}
