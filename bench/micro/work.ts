import { median } from '../measure/statistics.ts';
import type { MicroRow } from '../results.ts';

/** One implementation of something small. */
export interface Work {
  readonly what: string;
  readonly implementation: string;
  readonly profile: string;
  /** Does one batch; says how much came out. */
  readonly once: () => Promise<{ readonly bytes: number; readonly tokens: number }> | { bytes: number; tokens: number };
}

interface Run {
  /** Of the processor, in all threads. */
  readonly seconds: number;
  readonly batches: number;
  readonly tokens: number;
  readonly bytes: number;
}

const milliseconds = 400;
/** Batches between two looks at the clock. */
const stretch = 32;

/** Each inner list has implementations of the same; they take turns. The first round is not counted. */
export async function measureWorks(works: readonly (readonly Work[])[], rounds: number): Promise<MicroRow[]> {
  const rows: MicroRow[] = [];
  for (const alike of works) {
    const measured = alike.map((work) => ({ work, runs: [] as Run[] }));
    for (let round = 0; round <= rounds; round += 1) {
      for (const { work, runs } of measured) {
        const run = await runOnce(work);
        if (round > 0) runs.push(run);
      }
    }
    rows.push(...measured.map(({ work, runs }) => rowOf(work, runs)));
  }
  return rows;
}

async function runOnce({ once }: Work): Promise<Run> {
  const start = performance.now();
  const before = process.cpuUsage();
  let [batches, tokens, bytes] = [0, 0, 0];
  while (performance.now() - start < milliseconds) {
    for (let left = stretch; left > 0; left -= 1) {
      const result = once();
      // No turn of the event loop for what needs none.
      const done = result instanceof Promise ? await result : result;
      tokens += done.tokens;
      bytes += done.bytes;
      batches += 1;
    }
  }
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6, batches, tokens, bytes };
}

function rowOf({ what, implementation, profile }: Work, runs: readonly Run[]): MicroRow {
  const rate = (value: (run: Run) => number) => median(runs.map((run) => value(run) / run.seconds));
  return {
    what,
    implementation,
    profile,
    batchesPerSecond: rate(({ batches }) => batches),
    tokensPerSecond: rate(({ tokens }) => tokens),
    megabytesPerSecond: rate(({ bytes }) => bytes) / 1e6,
  };
}
