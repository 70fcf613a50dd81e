// Writes the tables of findings in docs/doctor.md from the built program: `npm run build && node scripts/doctor-docs.mjs`.
// Its examples are written by `DOCTOR_EXAMPLES=write npx vitest run test/doctor/examples.test.ts`.
import { readFileSync, writeFileSync } from 'node:fs';
import { bridgeFindings } from '../dist/doctor/bridge-findings.js';
import { endpointFindings } from '../dist/doctor/endpoint-findings.js';
import { replayFindings } from '../dist/doctor/replay-findings.js';
import { streamFindings } from '../dist/doctor/stream-findings.js';
import { fileFindings } from '../dist/sinks/file/examine-findings.js';
import { kafkaFindings } from '../dist/sinks/kafka/examine-findings.js';
import { redisFindings } from '../dist/sinks/redis/examine-findings.js';
import { stdoutFindings } from '../dist/sinks/stdout/examine.js';

const parts = [
  ['Engines: the way there', endpointFindings],
  ['Engines: what they send', streamFindings],
  ['Replay sockets', replayFindings],
  ['Bound ports and a running bridge', bridgeFindings],
  ['Redis', redisFindings],
  ['Kafka', kafkaFindings],
  ['File', fileFindings],
  ['Standard output', stdoutFindings],
];

const text = parts
  .map(([title, table]) => {
    const rows = Object.entries(table).map(
      ([code, { level, means, remedy }]) => `| \`${code}\` | ${level} | ${means} | ${remedy ?? ''} |`,
    );
    return [`### ${title}`, '', '| code | level | means | remedy |', '|---|---|---|---|', ...rows].join('\n');
  })
  .join('\n\n');

const page = new URL('../docs/doctor.md', import.meta.url);
const head = readFileSync(page, 'utf8').split('## Findings\n')[0];
writeFileSync(
  page,
  `${head}## Findings\n\nThe remedy in the output is often more exact than the one here. Written from the code by \`node scripts/doctor-docs.mjs\`.\n\n${text}\n`,
);
