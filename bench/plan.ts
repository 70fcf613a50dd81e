import type { Options } from './arguments.ts';
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
  readonly absent: string | null;
}

export function fieldOf({ peer, python: command, sinks, variants }: Options): Field {
  const own = [bridge('bridge'), ...variants.map(({ name, env }) => bridge(name, env))];
  if (peer === null) return { bridges: [...own, naive], absent: 'the Python peer is skipped: no --peer was given' };
  const problem = peerProblem({ python: command, path: peer }, sinks);
  if (problem !== null) return { bridges: [...own, naive], absent: `the Python peer is skipped: ${problem}` };
  return { bridges: [...own, naive, python({ python: command, path: peer })], absent: null };
}

/** What one server measures, and what of it is a limit of the libraries. */
export function candidatesFor(sink: SinkName, { bridges }: Field): readonly Candidate[] {
  return sink === 'stdout' ? [...bridges, receiveOnly, writeOnly] : [...bridges, writeOnly];
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
