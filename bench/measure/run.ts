import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../test/support/ports.ts';
import type { Candidate } from '../candidates/candidate.ts';
import type { Running } from '../candidates/running.ts';
import { Generator } from '../load/generator.ts';
import type { Load, Part } from '../load/process.ts';
import type { Profile } from '../load/profiles.ts';
import type { Destination, Target } from '../targets/target.ts';
import type { Verdict } from './ledger.ts';
import { countEmpty, countEvents, Ledger } from './ledger.ts';
import { peakMemory } from './process.ts';
import { follow } from './progress.ts';
import { percentile } from './statistics.ts';

export interface Task {
  readonly candidate: Candidate;
  readonly target: Target;
  readonly profile: Profile;
  readonly streams: number;
  /** Of each stream. */
  readonly batches: number;
  readonly publisher: Load['publisher'];
}

export interface Throughput {
  readonly events: number;
  readonly batches: number;
  /** Processor time of the candidate's process per event, microseconds: from the first event sent to the last record there. */
  readonly cpu: number;
  /** The same for the events after the warm-up alone. */
  readonly warmCpu: number;
  /** After the warm-up, as are these. */
  readonly batchCpu: number;
  readonly eventsPerSecond: number;
  readonly batchesPerSecond: number;
  readonly peakBytes: number;
  /** Null for candidates that deliver nothing. */
  readonly verdict: Verdict | null;
}

export interface Latency {
  /** Milliseconds from the engine's `ts` to the record at a consumer. */
  readonly p50: number;
  readonly p99: number;
  readonly records: number;
  readonly expected: number;
}

/** Of all batches; the warm-up is sent, delivered and checked like the rest. */
const warmUpShare = 0.3;

/** As fast as the candidate takes it. */
export function measureThroughput(task: Task): Promise<Throughput> {
  return within(task, null, async ({ running, destination, begin }) => {
    const { candidate, streams, batches } = task;
    const warmUp = warmUpOf(task);
    begin({ from: 0, to: warmUp });
    const first = await follow(running, destination, recordsOf(task, warmUp));
    begin({ from: warmUp, to: batches });
    const rest = await follow(running, destination, recordsOf(task, batches));
    const peakBytes = peakMemory(running.pid);
    const all = countEvents(task, batches);
    const warm = all - countEvents(task, warmUp);
    return {
      events: all,
      batches: batches * streams,
      cpu: ((first.cpu + rest.cpu) / all) * 1e6,
      warmCpu: (rest.cpu / warm) * 1e6,
      batchCpu: (rest.cpu / ((batches - warmUp) * streams)) * 1e6,
      eventsPerSecond: warm / rest.at,
      batchesPerSecond: ((batches - warmUp) * streams) / rest.at,
      peakBytes,
      verdict: candidate.delivers ? await check(destination, task) : null,
    };
  });
}

/** At a rate far below what the candidate can do. The first half is not counted: machine code is made, connections settle. */
export function measureLatency(task: Task, rate: number): Promise<Latency> {
  return within(task, rate, async ({ running, destination, begin }) => {
    const delays: number[] = [];
    const stopWatching = await destination.watch(({ record, at }) => {
      const { ts } = JSON.parse(record) as { ts: number | null };
      if (ts !== null) delays.push(at - ts * 1_000);
    });
    begin({ from: 0, to: task.batches });
    await follow(running, destination, recordsOf(task, task.batches));
    await sleep(300);
    await stopWatching();
    const counted = delays.slice(Math.floor(delays.length / 2));
    const expected = countEvents(task, task.batches);
    return { p50: percentile(counted, 0.5), p99: percentile(counted, 0.99), records: delays.length, expected };
  });
}

function warmUpOf({ batches }: Task): number {
  return Math.max(1, Math.round(batches * warmUpShare));
}

/** Records that are there once the first `batches` of each stream are delivered; else the line that says so. */
function recordsOf(task: Task, batches: number): number {
  const { candidate, streams } = task;
  if (!candidate.delivers) return batches === task.batches ? 2 : 1;
  return countEvents(task, batches) + countEmpty(task, batches) + candidate.extraRecords * streams;
}

interface Scene {
  readonly running: Running;
  readonly destination: Destination;
  /** Lets events go. */
  readonly begin: (part: Part) => void;
}

async function within<T>(task: Task, rate: number | null, measure: (scene: Scene) => Promise<T>): Promise<T> {
  const { candidate, target, streams, batches, publisher } = task;
  const port = await freePorts();
  const destination = await target.prepare();
  const ends: (() => Promise<void>)[] = [() => destination.remove()];
  try {
    const { address } = destination;
    const job = { port, address, profile: task.profile.name, streams, batches, warmUp: warmUpOf(task) };
    const running = await candidate.start(job);
    ends.unshift(() => running.stop());
    if (!candidate.receives) return await measure({ running, destination, begin: (part) => running.go(part) });
    const generator = await Generator.open({ profile: job.profile, streams, port, publisher, rate });
    ends.unshift(() => generator.close());
    // A generator that fails ends the load: the run then stands still and says how far it came.
    return await measure({ running, destination, begin: (part) => void generator.go(part).catch(() => {}) });
  } finally {
    for (const end of ends) await end();
  }
}

async function check(destination: Destination, task: Task): Promise<Verdict> {
  const ledger = new Ledger(task);
  await destination.read((record) => ledger.take(record));
  return ledger.verdict();
}
