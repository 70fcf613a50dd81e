import type { Context } from 'zeromq';
import type { Config, SourceConfig } from './config/config.ts';
import { speaksZmtp } from './config/transport.ts';
import type { Clock } from './core/clock.ts';
import type { Observe } from './core/observer.ts';
import type { Source } from './core/source.ts';
import type { Identity, Stream } from './core/stream.ts';
import { sourceContext } from './ingress/context.ts';
import { rankEndpoint } from './ingress/endpoint.ts';
import { ZmqReplayClient } from './ingress/replay-client.ts';
import { replayTarget } from './ingress/replay-target.ts';
import { Turns } from './ingress/replay-turns.ts';
import { ZmqSource } from './ingress/zmq-source.ts';
import { ZmtpSource } from './ingress/zmtp/zmtp-source.ts';
import { Recoverer } from './pipeline/recoverer.ts';
import { streamOfId } from './wire/stream-id.ts';

/** libzmq ends the connection of a publisher that exceeds it, so it is far above what we refuse message by message. */
const hardMessageLimit = 268_435_456;

/** One socket per endpoint: rank r of a data-parallel engine is on port + r. */
export function socketsOf(sources: readonly SourceConfig[], observe: Observe): Source[] {
  const context = sourceContext();
  return sources.flatMap((source) => socketsOfOne(source, context, observe));
}

function socketsOfOne(source: SourceConfig, context: Context, observe: Observe): Source[] {
  return Array.from({ length: source.dataParallelSize }, (_, rank) => {
    const topics = source.topics.length === 0 ? [''] : source.topics;
    const endpoint = rankEndpoint(source.endpoint, rank);
    const options = { ...source, topics, endpoint, maxMessageSize: hardMessageLimit };
    const { security } = source;
    return speaksZmtp(source) && security.mechanism !== 'CURVE'
      ? new ZmtpSource({ ...options, security }, observe)
      : new ZmqSource({ ...options, context }, observe);
  });
}

/** A source that connects has one engine: its name says whose everything is. libzmq knows no addresses. */
export function identityOf(source: SourceConfig): Identity {
  if (!speaksZmtp(source)) return 'topic';
  return source.identity === 'auto' && source.mode === 'connect' ? 'topic' : source.identity;
}

/** The streams that ids in checkpoints stand for; null for those of a source that is gone. */
export function streamsOf(sources: readonly SourceConfig[]): (id: string) => Stream | null {
  const identities = new Map(sources.map((source) => [source.name, identityOf(source)]));
  return (id) => {
    const identity = identities.get(id.slice(0, Math.max(id.indexOf('/'), 0)));
    return identity === undefined ? null : streamOfId(id, identity);
  };
}

export function recovererOf(
  { sources, replay }: Config,
  { clock, observe }: { readonly clock: Clock; readonly observe: Observe },
): Recoverer {
  const { allow, idleTimeout, budget, cooldown, pause, concurrency, maxBytes, heldBytes } = replay;
  const targets = new Map(
    sources.map((source) => {
      const endpointOf = replayTarget({ ...source, allow });
      const targetOf = (stream: Stream, peer: string | null) => {
        const endpoint = endpointOf(stream, peer);
        return endpoint === null ? null : { endpoint, security: source.security };
      };
      return [source.name, targetOf];
    }),
  );
  return new Recoverer({
    targetOf: ({ stream, peer }) => targets.get(stream.source)?.(stream, peer) ?? null,
    client: new ZmqReplayClient({ maxMessageSize: hardMessageLimit, concurrency, timeouts: { idle: idleTimeout } }),
    limits: { maxBytes, budget, pause },
    turns: new Turns(concurrency),
    ...{ heldBytes, cooldown, clock, observe },
  });
}
