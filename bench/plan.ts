import type { Options } from './arguments.ts';
import { UsageError } from './arguments.ts';
import type { Candidate } from './candidates/candidate.ts';
import { bridge, naive, receiveOnly, writeOnly } from './candidates/ours.ts';
import { peerProblem, python } from './candidates/python.ts';
import type { SinkName, Target } from './targets/target.ts';

/** Events of a profile in one run, as a share of those of decode1: about equal work. */
const shares: Readonly<Record<string, number>> = { decode1: 1, mixed: 1 / 2.4, prefill8k: 1 / 48 };

export function batchesOf(profile: string, events: number, streams: number): number {
  return Math.max(10, Math.round((events * (shares[profile] ?? 1)) / streams));
}

/** Bridges that are measured, and why one that was asked for is not. */
export interface Field {
  readonly bridges: readonly Candidate[];
  readonly limits: readonly Candidate[];
  readonly absent: string | null;
}

export function fieldOf({ peer, python: command, sinks, variants, candidates }: Options): Field {
  const own = [bridge('bridge'), ...variants.map(({ name, env }) => bridge(name, env)), naive];
  const problem = peer === null ? 'no --peer was given' : peerProblem({ python: command, path: peer }, sinks);
  const peers = peer === null || problem !== null ? [] : [python({ python: command, path: peer })];
  const limits = [receiveOnly, writeOnly];
  const known = [...own, ...peers, ...limits].map(({ name }) => name);
  const unknown = candidates?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`--candidates: there is no "${unknown}", only ${known.join(', ')}`);
  const isWanted = ({ name }: Candidate) => candidates?.includes(name) ?? true;
  const absent = problem === null ? null : `the Python peer is skipped: ${problem}`;
  return { bridges: [...own, ...peers].filter(isWanted), limits: limits.filter(isWanted), absent };
}

/** What one server measures, and what of it is a limit of the libraries. */
export function candidatesFor(sink: SinkName, { bridges, limits }: Field): readonly Candidate[] {
  return [...bridges, ...limits.filter((limit) => sink === 'stdout' || limit !== receiveOnly)];
}

/** Opens servers as they are needed; every one once. */
export async function openTarget(sink: SinkName): Promise<Target> {
  switch (sink) {
    case 'stdout':
      return (await import('./targets/stdout.ts')).stdoutTarget();
    case 'redis':
      return (await import('./targets/redis.ts')).redisTarget();
    case 'kafka':
      return (await import('./targets/kafka.ts')).kafkaTarget();
  }
}
