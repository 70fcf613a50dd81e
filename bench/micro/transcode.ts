import type { Envelope } from '../../src/wire/envelope.ts';
import { FastTranscoder } from '../../src/wire/fast/transcoder.ts';
import type { ReadBatch, Run, Transcoder } from '../../src/wire/reading.ts';
import { referenceTranscoder } from '../../src/wire/reference.ts';
import type { Payload, Profile } from '../load/profiles.ts';
import { makeProfile, payloadAt, topicOf } from '../load/profiles.ts';
import type { MicroRow } from '../results.ts';
import type { Work } from './work.ts';
import { measureWorks } from './work.ts';

/** From the bytes of a message to the bytes of its records; how many of these are finished with it. */
type Step = (payload: Buffer, seq: number) => number;

interface Implementation {
  readonly name: string;
  /** For one profile. */
  readonly begin: () => Step;
}

/** The reference first: the others are shown against it. Another implementation is one more entry here. */
const implementations: readonly Implementation[] = [
  { name: 'reference', begin: () => oneByOne(referenceTranscoder) },
  { name: 'fast, one by one', begin: () => oneByOne(new FastTranscoder(fellBack)) },
  { name: 'fast, in runs', begin: () => inRuns(new FastTranscoder(fellBack)) },
];

/** The profiles are what engines send: an implementation that hands them to the reference would be measured as it. */
function fellBack(): void {
  throw new Error('the fast transcoder fell back to the reference');
}

function oneByOne(transcoder: Transcoder): Step {
  return (payload, seq) => {
    const { bytes, memory } = read(transcoder, payload).render(envelope(seq), 'event');
    memory?.release();
    return bytes.length;
  };
}

/** As the bridge does with batches that come together. */
function inRuns(transcoder: Transcoder): Step {
  let run: Run | null = null;
  return (payload, seq) => {
    if (run !== null && !run.isFull && run.append(payload) !== null) return 0;
    const size = run === null ? 0 : end(run);
    run = read(transcoder, payload).startRun(envelope(seq), 'event');
    if (run === null) throw new Error('a batch cannot begin a run');
    return size;
  };
}

function end(run: Run): number {
  const { bytes, memory } = run.end();
  memory?.release();
  return bytes.length;
}

function read(transcoder: Transcoder, payload: Buffer): ReadBatch {
  const reading = transcoder.read(payload);
  if (!reading.ok) throw new Error(reading.failure.message);
  return reading.batch;
}

/** Every transcoder on every profile. */
export function measureTranscoders(profiles: readonly string[], rounds: number): Promise<MicroRow[]> {
  const works = profiles.flatMap((name) => {
    const profile = makeProfile(name);
    if (profile === null) throw new Error(`there is no profile ${name}`);
    return [implementations.map((implementation) => workOf(implementation, profile))];
  });
  return measureWorks(works, rounds);
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
      const bytes = step(payload.bytes, seq);
      seq += 1;
      return { bytes, tokens: tokens.get(payload) as number };
    },
  };
}

function tokensOf({ events }: Payload): number {
  return events.reduce((sum, { tokens }) => sum + tokens.length, 0);
}

const topic = topicOf(0);
/** One object, as the bridge has one for each stream: what a transcoder makes of it is made once. */
const stream = { id: `zmq/${topic}/0`, source: 'zmq', host: null, topic, pod: '10.0.0.1', model: 'model', rank: '0' };

export function envelope(seq: number): Envelope {
  return {
    stream,
    topicSuffix: null,
    epoch: 1_763_800_000_000,
    seq: BigInt(seq),
    ordinal: String(seq),
    receivedAt: 1_763_800_000_130,
    origin: 'live',
  };
}
