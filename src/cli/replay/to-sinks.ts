import type { Config } from '../../config/config.ts';
import { BridgeError } from '../../core/errors.ts';
import type { Fact } from '../../core/observer.ts';
import { sinkModules } from '../../sinks/registry.ts';
import type { StopReport } from '../../turn.ts';
import { BridgeTurn } from '../../turn.ts';
import { counted, countOf, sized } from '../amount.ts';
import { systemClock } from '../clock.ts';
import { CaptureSource } from './capture-source.ts';
import type { ReplayJob, ReplayOutcome } from './job.ts';
import { ReplayCounts } from './record-counts.ts';

/** Passes the frames through a bridge of its own: sequence check, transcoder, lanes and sinks are the usual ones. */
export async function replayToSinks(config: Config, job: ReplayJob): Promise<ReplayOutcome> {
  const { signal, survey, note } = job;
  const counts = new ReplayCounts(config.sinks);
  let frames = 0;
  let isOver = false;
  const source = new CaptureSource({
    ...job,
    onFrames: (some) => {
      frames += some.length;
      job.onProgress(frames);
    },
    onRead: () => counts.whenWritten(),
  });
  const turn = new BridgeTurn(config, {
    modules: sinkModules,
    stdout: job.edge.stdout,
    clock: systemClock,
    random: Math.random,
    tap: { isOpen: true, take: (batch) => void counts.streams.add(batch.stream.id) },
    sources: [source],
    observe: (fact) => {
      counts.take(fact);
      if (!isOver) tell(fact, note);
    },
    onRunning: () => undefined,
  });
  let left: StopReport = new Map();
  const stopped = new Promise<'stopped'>((resolve) => signal.addEventListener('abort', () => resolve('stopped')));
  try {
    const end = signal.aborted ? 'stopped' : await Promise.race([turn.run(), stopped]);
    if (end === 'fenced') throw fenced(config.name);
  } finally {
    isOver = true;
    left = await turn.stop();
  }
  return outcomeOf(counts, { frames, isWhole: frames >= survey.frames, left });
}

interface End {
  readonly frames: number;
  readonly isWhole: boolean;
  readonly left: StopReport;
}

function outcomeOf({ records, streams, sinks }: ReplayCounts, { frames, isWhole, left }: End): ReplayOutcome {
  const all = [...sinks].map(([name, { waiting: _, ...sink }]) => ({ name, ...sink, unwritten: left.get(name) ?? 0 }));
  const { missing, ...rest } = records;
  const lost = all.filter(({ unwritten, dropped }) => unwritten + dropped > 0);
  return {
    frames,
    isComplete: isWhole && lost.length === 0,
    details: {
      streams: streams.size,
      ...rest,
      missing: String(missing),
      sinks: Object.fromEntries(
        all.map(({ name, deadLettered, ...sink }) => [name, { ...sink, dead_lettered: deadLettered }]),
      ),
    },
    lines: [
      `${countOf(streams.size, 'stream')}, ${countOf(rest.gaps, 'gap')} (${missing} missing), ${countOf(rest.restarts, 'restart')}, ` +
        `${countOf(rest.duplicates, 'duplicate')}, ${counted(rest.undecodable)} undecodable`,
      ...all.map(
        ({ name, records: written, bytes, deadLettered, dropped, unwritten }) =>
          `${name}: ${countOf(written, 'record')} (${sized(bytes)}) written` +
          `${deadLettered > 0 ? `, ${countOf(deadLettered, 'dead letter')}` : ''}` +
          `${dropped > 0 ? `, ${counted(dropped)} dropped` : ''}${unwritten > 0 ? `, ${counted(unwritten)} not written` : ''}`,
      ),
    ],
  };
}

function tell(fact: Fact, note: (message: string) => void): void {
  if (fact.fact === 'sink-down') note(`${fact.sink}: ${fact.message}; trying again until it works (Ctrl-C ends it)`);
  if (fact.fact === 'sink-note') note(`${fact.sink}: ${fact.message}`);
}

function fenced(name: string): BridgeError {
  const message = `another replay or bridge with the name ${JSON.stringify(name)} has taken over: give each a name of its own (--name)`;
  return new BridgeError('FENCED', message);
}
