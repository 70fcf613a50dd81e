import { decodePayload } from '../../src/wire/decode.ts';
import type { Envelope } from '../../src/wire/envelope.ts';
import { renderEvents } from '../../src/wire/records.ts';
import type { Profile } from '../load/profiles.ts';
import { makeProfile, payloadAt, topicOf } from '../load/profiles.ts';
import type { MicroRow } from '../results.ts';
import type { Work } from './work.ts';
import { measureWorks } from './work.ts';

/** From the bytes of a message to the bytes of its records. */
interface Transcoder {
  readonly name: string;
  readonly transcode: (envelope: Envelope, payload: Buffer) => Buffer;
}

/** The reference first: the others are shown against it. Another implementation is one more entry here. */
const transcoders: readonly Transcoder[] = [
  {
    name: 'reference',
    transcode(envelope, payload) {
      const decoded = decodePayload(payload);
      if (!decoded.ok) throw new Error(decoded.failure.message);
      return renderEvents(envelope, decoded.batch).bytes;
    },
  },
];

/** Every transcoder on every profile. */
export function measureTranscoders(profiles: readonly string[], rounds: number): Promise<MicroRow[]> {
  const works = profiles.flatMap((name) => {
    const profile = makeProfile(name);
    if (profile === null) throw new Error(`there is no profile ${name}`);
    return [transcoders.map((transcoder) => workOf(transcoder, profile))];
  });
  return measureWorks(works, rounds);
}

function workOf({ name, transcode }: Transcoder, profile: Profile): Work {
  let seq = 0;
  return {
    what: 'transcode',
    implementation: name,
    profile: profile.name,
    once() {
      const payload = payloadAt(profile, 0, seq);
      const bytes = transcode(envelope(seq), payload.bytes).length;
      seq += 1;
      return { bytes, tokens: payload.events.reduce((sum, { tokens }) => sum + tokens.length, 0) };
    },
  };
}

export function envelope(seq: number): Envelope {
  const topic = topicOf(0);
  return {
    stream: { id: `zmq/${topic}/0`, source: 'zmq', host: null, topic, pod: '10.0.0.1', model: 'model', rank: '0' },
    topicSuffix: null,
    epoch: 1_763_800_000_000,
    seq: BigInt(seq),
    ordinal: String(seq),
    receivedAt: 1_763_800_000_130,
    origin: 'live',
  };
}
