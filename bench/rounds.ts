import type { Options } from './arguments.ts';
import type { Candidate } from './candidates/candidate.ts';
import { makeProfile } from './load/profiles.ts';
import { isComplete } from './measure/ledger.ts';
import type { Task } from './measure/run.ts';
import { measureLatency, measureThroughput } from './measure/run.ts';
import type { Field } from './plan.ts';
import { batchesOf, candidatesFor } from './plan.ts';
import type { LatencyRow, ThroughputRow } from './results.ts';
import type { SinkName, Target } from './targets/target.ts';

export const streams = 4;
/** Batches per second of all streams, and for how long. */
export const pacedRate = 1_000;
export const pacedSeconds = 30;

export interface Bench {
  readonly options: Options;
  readonly field: Field;
  readonly targets: ReadonlyMap<SinkName, Target>;
  readonly say: (line: string) => void;
}

/** A B C, A B C, ...: what else the machine does meanwhile hits all alike. */
export async function throughputRounds(bench: Bench): Promise<ThroughputRow[]> {
  const { options, say } = bench;
  return inRounds(bench, options.profiles, candidatesFor, async (task, label) => {
    const figures = await measureThroughput(task);
    const { verdict } = figures;
    const whole = verdict === null || isComplete(verdict);
    say(`${label} ${figures.cpu.toFixed(1)} us/event${whole ? '' : `, INCOMPLETE: ${JSON.stringify(verdict)}`}`);
    return figures;
  });
}

export async function latencyRounds(bench: Bench): Promise<LatencyRow[]> {
  const { say } = bench;
  const bridges = () => bench.field.bridges;
  return inRounds(bench, ['decode1'], bridges, async (task, label) => {
    const paced = { ...task, batches: (pacedRate * pacedSeconds) / task.streams };
    const figures = await measureLatency(paced, pacedRate);
    say(`${label} p50 ${figures.p50.toFixed(2)} ms, p99 ${figures.p99.toFixed(2)} ms at ${pacedRate}/s`);
    return figures;
  });
}

type Row<T> = Omit<ThroughputRow, 'figures'> & { readonly figures: T | null };

async function inRounds<T>(
  { options, field, targets, say }: Bench,
  profiles: readonly string[],
  candidates: (sink: SinkName, field: Field) => readonly Candidate[],
  measure: (task: Task, label: string) => Promise<T>,
): Promise<Row<T>[]> {
  const rows: Row<T>[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const cell of cells(profiles, targets, (sink) => candidates(sink, field))) {
      const { profile, sink, candidate, target } = cell;
      const label = `${round}/${options.rounds} ${sink} ${profile} ${candidate.name}:`;
      const place = { profile, sink, candidate: candidate.name, round };
      const task = { candidate, target, streams, publisher: options.publisher, ...load(profile, options) };
      try {
        rows.push({ ...place, figures: await measure(task, label), failure: null });
      } catch (error) {
        const failure = error instanceof Error ? error.message : String(error);
        say(`${label} FAILED: ${failure}`);
        rows.push({ ...place, figures: null, failure });
      }
    }
  }
  return rows;
}

function* cells(
  profiles: readonly string[],
  targets: ReadonlyMap<SinkName, Target>,
  candidates: (sink: SinkName) => readonly Candidate[],
) {
  for (const [sink, target] of targets) {
    for (const profile of profiles) {
      for (const candidate of candidates(sink)) yield { profile, sink, target, candidate };
    }
  }
}

function load(name: string, { events }: Options) {
  const profile = makeProfile(name);
  if (profile === null) throw new Error(`there is no profile ${name}`);
  return { profile, batches: batchesOf(name, events, streams) };
}
