import type { Envelope } from '../../src/wire/envelope.ts';
import { topicOf } from '../load/profiles.ts';

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
