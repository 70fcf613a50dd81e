import type { Transcoder } from '../../src/wire/reading.ts';
import { referenceTranscoder } from '../../src/wire/reference.ts';
import type { Payload, Profile } from '../load/profiles.ts';
import { makeProfile, payloadAt } from '../load/profiles.ts';
import type { MicroRow } from '../results.ts';
import { envelope } from './envelope.ts';
import { fastTranscoder, RunsOfBatches, read } from './in-runs.ts';
import { OtherThread } from './other-thread.ts';
import type { Work } from './work.ts';
import { measureWorks } from './work.ts';

/** From the bytes of a message to the bytes of its records; how many of these are finished with it. */
type Step = (payload: Buffer, seq: number) => number | Promise<number>;

interface Implementation {
  readonly name: string;
  /** For one profile. */
  readonly begin: () => Step;
}

/** The reference first: the others are shown against it. Another implementation is one more entry here. */
function implementations(thread: () => OtherThread): readonly Implementation[] {
  return [
    { name: 'reference', begin: () => oneByOne(referenceTranscoder) },
    { name: 'fast, one by one', begin: () => oneByOne(fastTranscoder()) },
    { name: 'fast, in runs', begin: inRuns },
    {
      name: 'the same in a worker thread',
      begin: () => {
        const other = thread();
        return (payload, seq) => other.take(payload, seq);
      },
    },
  ];
}

function oneByOne(transcoder: Transcoder): Step {
  return (payload, seq) => {
    const { bytes, memory } = read(transcoder, payload).render(envelope(seq), 'event');
    memory?.release();
    return bytes.length;
  };
}

function inRuns(): Step {
  const runs = new RunsOfBatches();
  return (payload, seq) => {
    const finished = runs.take(payload, seq);
    finished?.memory?.release();
    return finished?.bytes.length ?? 0;
  };
}

/** Every transcoder on every profile. */
export async function measureTranscoders(profiles: readonly string[], rounds: number): Promise<MicroRow[]> {
  const threads: OtherThread[] = [];
  const thread = () => {
    const other = new OtherThread();
    threads.push(other);
    return other;
  };
  try {
    const works = profiles.map((name) => {
      const profile = makeProfile(name);
      if (profile === null) throw new Error(`there is no profile ${name}`);
      return implementations(thread).map((implementation) => workOf(implementation, profile));
    });
    return await measureWorks(works, rounds);
  } finally {
    for (const other of threads) await other.end();
  }
}

function workOf({ name, begin }: Implementation, profile: Profile): Work {
  const tokens = new Map(profile.payloads.map((payload) => [payload, tokensOf(payload)]));
  const step = begin();
  let seq = 0;
  return {
    what: 'transcode',
    implementation: name,
    profile: profile.name,
    once() {
      const payload = payloadAt(profile, 0, seq);
      const result = step(payload.bytes, seq);
      seq += 1;
      const some = tokens.get(payload) as number;
      if (result instanceof Promise) return result.then((bytes) => ({ bytes, tokens: some }));
      return { bytes: result, tokens: some };
    },
  };
}

function tokensOf({ events }: Payload): number {
  return events.reduce((sum, { tokens }) => sum + tokens.length, 0);
}
