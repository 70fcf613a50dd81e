import type { Network, SourceConfig } from '../config/config.ts';
import { BridgeError, messageOf } from '../core/errors.ts';
import type { Finding } from '../core/finding.ts';
import type { Security } from '../core/security.ts';
import type { Stream } from '../core/stream.ts';
import { rankEndpoint, readTcp } from '../ingress/endpoint.ts';
import { replayTarget } from '../ingress/replay-target.ts';
import { bridgeFinding as find } from './bridge-findings.ts';
import type { Peer } from './greeting.ts';
import { holderOf } from './holder.ts';
import { listen, SocketEvents, socketAt } from './listening.ts';
import { peerAt } from './neighbours.ts';
import type { Approach } from './patience.ts';
import { foreignMechanism, isRouter, wrongCredentials } from './peer-findings.ts';
import { examineReplay } from './replay.ts';
import { replayFinding } from './replay-findings.ts';
import { findingsOf } from './sighting-findings.ts';
import type { StreamSighting } from './sightings.ts';
import { Sightings } from './sightings.ts';
import { streamFinding } from './stream-findings.ts';

export interface BoundOptions {
  readonly allow: readonly Network[];
  /** Whether to listen on a port that is free. */
  readonly binds: boolean;
  /** Whether a subscriber that has the port may be the very bridge of this configuration, which nobody could ask. */
  readonly isBridgeUnknown: boolean;
}

const maxReplays = 8;

/** One rank of a source that engines dial in to: takes the bridge's place for a while. */
export async function* examineBound(
  source: SourceConfig,
  rank: number,
  options: BoundOptions,
  patience: Approach,
): AsyncGenerator<Finding> {
  const endpoint = rankEndpoint(source.endpoint, rank);
  const listens = options.binds && patience.wait > 0;
  const events = new SocketEvents();
  const sightings = new Sightings(source);
  const socket = socketAt({ name: source.name, endpoint, mode: 'bind', security: source.security }, events.observe);
  try {
    await socket.open();
    if (listens) await listen(socket, sightings, patience, false);
  } catch (error) {
    yield await notBound(endpoint, error, options, patience);
    return;
  } finally {
    await socket.close();
  }
  if (!listens) {
    const why = options.binds ? '--wait 0' : '--no-bind';
    yield find('port-unbound', endpoint, `the port is free; nobody listened there (${why})`);
    return;
  }
  yield find('port-free', endpoint, `the port is free; listened there for ${patience.wait / 1_000} s`);
  yield* ofPeers(endpoint, source, { events, sightings });
  if (!patience.signal.aborted) yield* replays(source, { endpoint, allow: options.allow, sightings }, patience);
}

interface Visitors {
  readonly events: SocketEvents;
  readonly sightings: Sightings;
}

function* ofPeers(endpoint: string, source: SourceConfig, { events, sightings }: Visitors): Generator<Finding> {
  for (const { peer, message } of events.troubles.values())
    yield find('peer-refused', endpoint, `${peer ?? 'somebody'}: ${message}`, { facts: { peer } });
  const addresses = [...new Set(sightings.streams.flatMap(({ peer }) => peer ?? []))];
  // libzmq's transport tells no addresses, and a peer may have come and gone.
  const count = Math.max(events.peers, addresses.length);
  if (count === 0 && sightings.frames === 0) {
    yield nobody(endpoint, source, events);
    return;
  }
  const from = addresses.length === 0 ? '' : `; frames from ${addresses.join(', ')}`;
  yield find('engines', endpoint, `${count} dialled in${from}`, { facts: { peers: count, addresses } });
  yield* findingsOf(endpoint, sightings, source.topics);
  if (sightings.frames === 0) yield streamFinding('frames-none', endpoint, `${count} dialled in, and sent no frame`);
}

function nobody(endpoint: string, { security }: SourceConfig, { troubles }: SocketEvents): Finding {
  const all = [...troubles.values()];
  if (all.length === 0) return find('engines-none', endpoint, 'nobody dialled in');
  const mechanism = all.flatMap(({ message }) => /mechanism (\w+)/.exec(message)?.[1] ?? [])[0] ?? null;
  const isWrong = security.mechanism !== 'NULL' && all.some(({ reason }) => reason === 'handshake_auth');
  return find('engines-refused', endpoint, 'somebody dialled in, and nobody was let in', {
    facts: { mechanism },
    ...(mechanism !== null && foreignMechanism(mechanism, security.mechanism)),
    ...(mechanism === null && isWrong && wrongCredentials(security)),
  });
}

async function notBound(
  endpoint: string,
  error: unknown,
  { isBridgeUnknown }: BoundOptions,
  patience: Approach,
): Promise<Finding> {
  const port = readTcp(endpoint)?.port ?? 0;
  if (!(error instanceof BridgeError) || error.code !== 'EADDRINUSE' || port === 0)
    return find('bind-failed', endpoint, messageOf(error), { facts: { error: (error as BridgeError).code ?? null } });
  // Here the source tells nobody its password, and whoever was first at its port is not to get it.
  const approach = { ...patience, isReticent: true };
  const [who, peer] = await Promise.all([holderOf(port), peerAt({ host: '127.0.0.1', port }, approach)]);
  const what = kindOf(peer, patience.security);
  const isSubscriber = peer?.kind === 'zmq' && (peer.type === 'SUB' || peer.type === 'XSUB');
  const sentence = `the port is taken by ${what}${who ?? 'another process'}`;
  const facts = { holder: who, socket: peer?.kind === 'zmq' ? peer.type : null };
  if ((isSubscriber || peer?.kind === 'guarded') && isBridgeUnknown)
    return find('port-held', endpoint, sentence, { facts });
  return find('port-taken', endpoint, sentence, {
    facts,
    cause: `the port is taken by ${who ?? 'another program'}`,
    ...(isSubscriber && {
      remedy: 'that is a subscriber, another bridge as a rule: end it, or set HTTP_PORT to its port and ask it',
    }),
  });
}

function kindOf(peer: Peer | null, { mechanism }: Security): string {
  if (peer?.kind === 'zmq') return `a ZeroMQ ${peer.type}, `;
  return peer?.kind === 'guarded' ? `a ZeroMQ socket with ${mechanism}, ` : '';
}

interface Found {
  readonly endpoint: string;
  readonly allow: readonly Network[];
  readonly sightings: Sightings;
}

/** The replay sockets of the engines that were seen, as the bridge would find them. */
async function* replays(source: SourceConfig, found: Found, patience: Approach): AsyncGenerator<Finding> {
  const { endpoint, sightings } = found;
  if (source.replay === null) {
    yield replayFinding('replay-none', endpoint, 'no replay endpoint is configured', {
      remedy:
        'start the engines with replay_endpoint (vLLM: "replay_endpoint": "tcp://*:5558" in --kv-events-config), and set REPLAY_ENDPOINT=tcp://{peer}:5558',
    });
    yield* guessed(sightings, endpoint, patience);
    return;
  }
  const targetOf = replayTarget({ ...source, allow: found.allow });
  const targets = new Map<string, bigint | null>();
  for (const sighting of sightings.streams) {
    const target = targetOf(asStream(source.name, sighting), sighting.peer);
    if (target !== null) targets.set(target, targets.has(target) ? null : sighting.last);
    else yield replayFinding('replay-not-allowed', JSON.stringify(sighting.topic.text), notAllowed(sighting, source));
  }
  if (targets.size === 0 && source.replay.includes('{') && sightings.streams.length === 0)
    yield replayFinding('replay-unasked', endpoint, `${source.replay} depends on the engines, and none was seen`);
  if (targets.size === 0 && !source.replay.includes('{')) targets.set(source.replay, null);
  for (const [target, current] of [...targets].slice(0, maxReplays)) yield* examineReplay(target, current, patience);
}

/** Where engines that dial in usually answer replays. */
async function* guessed({ streams }: Sightings, endpoint: string, patience: Approach): AsyncGenerator<Finding> {
  const port = (readTcp(endpoint)?.port ?? 0) + 1;
  const hosts = [...new Set(streams.flatMap(({ peer }) => peer ?? []))].slice(0, maxReplays);
  for (const host of hosts) {
    if (!isRouter(await peerAt({ host, port }, patience))) continue;
    const where = host.includes(':') ? `tcp://[${host}]:${port}` : `tcp://${host}:${port}`;
    yield* examineReplay(where, null, patience);
  }
}

function notAllowed({ topic }: StreamSighting, { replay }: SourceConfig): string {
  return `no replay endpoint follows from ${replay}: pod ${JSON.stringify(topic.pod)} is no address inside replay.allow`;
}

function asStream(source: string, { topic, rank }: StreamSighting): Stream {
  return { id: '', source, host: null, topic: topic.text, pod: topic.pod, model: topic.model, rank };
}
