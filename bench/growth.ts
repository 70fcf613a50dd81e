import type { Options } from './arguments.ts';
import { bridge } from './candidates/ours.ts';
import { makeProfile } from './load/profiles.ts';
import { measureThroughput } from './measure/run.ts';
import type { GrowthRow } from './results.ts';
import type { Target } from './targets/target.ts';

interface Step {
  readonly axis: string;
  readonly value: number;
  readonly profile: string;
  readonly streams: number;
  /** Batches of all streams together. */
  readonly batches: number;
}

const million = 1e6;

/** One thing grows at a time; what a run costs in all stays about the same. */
export function growthSteps(share: number): Step[] {
  const some = (batches: number, streams: number) => Math.max(4 * streams, Math.round(batches * share));
  const streams = [1, 10, 100, 1_000].map((value) => {
    return { axis: 'streams', value, profile: 'decode1', streams: value, batches: some(20_000, value) };
  });
  const events = [1, 10, 100, 1_000, 10_000].map((value) => {
    return {
      axis: 'events per batch',
      value,
      profile: `events-${value}`,
      streams: 4,
      batches: some(20_000 / value, 4),
    };
  });
  const frames = [16, 64, 256, 4_096, 65_536, 1_048_576].map((value) => {
    const batches = some(Math.min(20_000, (60 * million) / value), 4);
    return { axis: 'bytes per frame', value, profile: `frame-${value}`, streams: 4, batches };
  });
  return [...streams, ...events, ...frames];
}

/** The bridge to stdout, one run of each. */
export async function measureGrowth(
  { events, publisher }: Options,
  target: Target,
  say: (line: string) => void,
): Promise<GrowthRow[]> {
  const rows: GrowthRow[] = [];
  for (const { axis, value, profile: name, streams, batches } of growthSteps(events / 100_000)) {
    const profile = makeProfile(name);
    if (profile === null) throw new Error(`there is no profile ${name}`);
    const each = Math.ceil(batches / streams);
    const figures = await measureThroughput({
      candidate: bridge('bridge'),
      target,
      profile,
      streams,
      batches: each,
      publisher,
    });
    say(`growth: ${value} ${axis}: ${figures.batchCpu.toFixed(1)} us/batch`);
    rows.push({ axis, value, figures, frameBytes: profile.payloads[0]?.bytes.length ?? 0 });
  }
  return rows;
}
