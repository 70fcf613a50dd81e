import { profileHelp } from '../load/profiles.ts';
import type { Field } from '../plan.ts';
import type { Results } from '../results.ts';
import { pacedRate, pacedSeconds, streams } from '../rounds.ts';
import type { Facts } from './machine.ts';
import { growthTable, latencyTable, microTable, throughputTables } from './tables.ts';

export interface Report {
  readonly facts: Facts;
  readonly field: Field;
  readonly rounds: number;
  readonly results: Results;
}

/** docs/benchmarks.md. */
export function page(report: Report): string {
  const sections = [
    introduction(report),
    ...throughput(report),
    latency(report),
    micro(report),
    growth(report),
    caveats,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

/** The tables alone, for a terminal. */
export function tables({ results }: Report): string {
  const parts = [
    ...throughputTables(results.throughput),
    results.latency.length > 0 ? latencyTable(results.latency) : '',
    results.micro.length > 0 ? microTable(results.micro) : '',
    results.growth.length > 0 ? growthTable(results.growth) : '',
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function introduction({ facts, field }: Report): string {
  const known = facts.map(([name, value]) => `- ${name}: ${value}`).join('\n');
  const candidates = field.bridges.map(({ name, what }) => `- \`${name}\`: ${what}`).join('\n');
  return `# Benchmarks

<!-- Written by \`make bench\` (npm run bench). Measure again; do not change the figures. -->

${known}

Figures of another machine differ; the ratios less. What is compared:

${candidates}${field.absent === null ? '' : `\n- ${field.absent}`}
- \`receive only\`, \`write only\`: the libraries alone, the limits of what a Node.js bridge on top of them can reach`;
}

function throughput({ rounds, results }: Report): string[] {
  if (results.throughput.length === 0) return [];
  const profiles = Object.entries(profileHelp).map(([name, what]) => `- \`${name}\`: ${what}`);
  return [
    `## Cost and throughput

${streams} publishers send as fast as they are taken. CPU: user and system time of the candidate's process, from the first event sent to the last record
there, per event; \`warm\` without the first 30 % of the events. Medians of ${rounds} interleaved round${rounds === 1 ? '' : 's'}; ratios are of CPU, below 1 is cheaper.
Complete: every record of every run was read back and compared with what was sent.

${profiles.join('\n')}`,
    ...throughputTables(results.throughput),
  ];
}

function latency({ rounds, results }: Report): string {
  if (results.latency.length === 0) return '';
  return `## Latency

From the engine's \`ts\` to the record at a consumer (reader of the pipe, \`XREAD BLOCK\`, Kafka consumer), ${pacedRate} batches of \`decode1\` per second in all,
${pacedSeconds} seconds, of which the first half is left out: the machine code of what runs is made then, and Node.js makes more of it than Python.
Under load the bridge lets a write wait up to 5 ms (\`linger\`) to become larger; this is not yet one.
Medians of ${rounds} interleaved round${rounds === 1 ? '' : 's'}; the last column shows how far the 99th percentile moves with what the machine does beside.

${latencyTable(results.latency)}`;
}

function micro({ results }: Report): string {
  if (results.micro.length === 0) return '';
  return `## Parts

In one process, without sockets; a second is one of processor time, in all threads. \`transcode\`: from the bytes of a message to the bytes of its records;
in a worker thread: 64 kB of messages at a time go there, and their records come back. Kafka's record batch: from records to the bytes of a request, without compression.

${microTable(results.micro)}`;
}

function growth({ results }: Report): string {
  if (results.growth.length === 0) return '';
  return `## How cost grows

The bridge to stdout, warm; one thing grows at a time.

${growthTable(results.growth)}`;
}

const caveats = `## Read with care

- Generator, candidate, servers and consumer share the processors: throughput and p99 are those of a crowded machine. CPU per event moves less with the load
  (caches, preemption), but it moves: compare within one run, not across runs, and look at the load average above.
- The kernel counts processor time in steps of 10 ms. Small costs (\`write only\`, short runs) are rough.
- The naive bridge and the Python bridge check less than the bridge does: no replay, no checkpoints, no bounds on hostile input, no metrics; the naive one no
  sequence either. The records of the Python bridge are shorter (no id, no stream) and its hashes are JSON numbers.
  Nobody compresses what goes to Kafka.
- The ratios include the start of the just-in-time compiler, which favours Python; a bridge that runs for days is the column \`warm\`.
- Peak memory of \`write only\` holds the ready records.`;
