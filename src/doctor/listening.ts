import { performance } from 'node:perf_hooks';
import type { Observe } from '../core/observer.ts';
import type { Security } from '../core/security.ts';
import type { Source } from '../core/source.ts';
import { sourceContext } from '../ingress/context.ts';
import { ZmqSource } from '../ingress/zmq-source.ts';
import { ZmtpSource } from '../ingress/zmtp/zmtp-source.ts';
import type { Patience } from './patience.ts';
import { pause } from './patience.ts';
import type { Sightings } from './sightings.ts';

export interface Place {
  readonly name: string;
  readonly endpoint: string;
  readonly mode: 'bind' | 'connect';
  readonly security: Security;
}

/** What the socket told beside its frames. */
export class SocketEvents {
  /** Most publishers that were connected at once. */
  peers = 0;
  /** By address and message, each once. */
  readonly troubles = new Map<
    string,
    { readonly peer: string | null; readonly reason: string; readonly message: string }
  >();

  readonly observe: Observe = (fact) => {
    if (fact.fact === 'source-peers') this.peers = Math.max(this.peers, fact.peers);
    if (fact.fact !== 'source-trouble' || this.troubles.size >= 100) return;
    const { peer = null, reason, message } = fact;
    this.troubles.set(`${peer} ${message}`, { peer, reason, message });
  };
}

const maxMessageSize = 268_435_456;
/** Once a frame has told what a stream is like, so long is left for its numbers and for other streams to show. */
const lookLonger = 1_000;

/** The socket a bridge would have, but subscribed to everything: topics that the filter misses are to be seen, too. */
export function socketAt(place: Place, observe: Observe): Source {
  const { security, ...rest } = place;
  const options = { ...rest, topics: [''], maxMessageSize };
  return place.endpoint.startsWith('tcp:') && security.mechanism !== 'CURVE'
    ? // Whoever dials in and is refused says what it is; who answers a dial was asked before.
      new ZmtpSource({ ...options, security, isReserved: place.mode === 'bind' }, observe)
    : new ZmqSource({ ...options, security, receiveHighWaterMark: 1_000, context: sourceContext() }, observe);
}

/**
 * Reads an open source for `wait` ms. `isBrief`: ends a second after the first frame that is subscribed to; engines that
 * dial in come at their leisure, so a bound source is read for the whole time.
 */
export async function listen(
  source: Source,
  sightings: Sightings,
  { wait, signal }: Pick<Patience, 'wait' | 'signal'>,
  isBrief: boolean,
): Promise<void> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const deadline = performance.now() + wait;
  const reading = (async () => {
    for await (const frames of source.frames()) {
      const before = sightings.matched;
      for (const frame of frames) sightings.add(frame);
      if (!isBrief || before > 0 || sightings.matched === 0) continue;
      const rest = Math.min(lookLonger, Math.max(0, deadline - performance.now()));
      void pause(rest, until).then(() => over.abort());
    }
  })();
  await Promise.race([pause(wait, until), reading]);
  source.stop();
  await reading;
}
