import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from '../candidates/running.ts';
import type { Destination } from '../targets/target.ts';
import { processorTime } from './process.ts';

export interface Progress {
  /** Seconds since the first event was sent. */
  readonly at: number;
  /** Processor time since then, seconds. */
  readonly cpu: number;
  readonly count: number;
}

const every = 20;
/** What comes after the last expected record (a duplicate, say) comes at once. */
const quiet = 150;
/** Without a new record for this long a run has failed. */
const patience = 20_000;

/**
 * Follows a run from now on until `expected` records are there and no more come, or until none come any more. Returns
 * where it stood when the last one was there.
 */
export async function follow(running: Running, destination: Destination, expected: number): Promise<Progress> {
  const { pid } = running;
  const start = performance.now();
  const before = processorTime(pid);
  let last: Progress = { at: 0, cpu: 0, count: 0 };
  for (;;) {
    await sleep(every);
    const at = (performance.now() - start) / 1_000;
    if (running.hasEnded) throw new Error(`${running.name} ended during the run:\n${running.complaints}`);
    const now = { at, cpu: processorTime(pid) - before, count: await destination.count() };
    if (now.count !== last.count) last = now;
    const still = (now.at - last.at) * 1_000;
    if (still > (last.count >= expected ? quiet : patience)) return last;
  }
}
