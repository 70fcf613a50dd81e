import type { SourceConfig } from '../config/config.ts';
import { messageOf } from '../core/errors.ts';
import type { Finding } from '../core/finding.ts';
import { rankEndpoint, readTcp } from '../ingress/endpoint.ts';
import { bareHost } from '../ingress/zmtp/address.ts';
import { endpointFinding as find } from './endpoint-findings.ts';
import { listen, SocketEvents, socketAt } from './listening.ts';
import { nearby, peerAt } from './neighbours.ts';
import type { Approach } from './patience.ts';
import { asPublisher, isPublisher, isRouter, mayPublish, wrongCredentials } from './peer-findings.ts';
import type { Reached } from './reach.ts';
import { reach } from './reach.ts';
import { examineReplay } from './replay.ts';
import { replayFinding } from './replay-findings.ts';
import { findingsOf } from './sighting-findings.ts';
import { Sightings } from './sightings.ts';
import { streamFinding } from './stream-findings.ts';

/** One rank of a source that connects: reaches it, listens, and asks its replay socket. */
export async function* examineConnected(
  source: SourceConfig,
  rank: number,
  patience: Approach,
): AsyncGenerator<Finding> {
  const endpoint = rankEndpoint(source.endpoint, rank);
  const reached = yield* reach(endpoint, patience);
  const { signal } = patience;
  if (reached === null) {
    const tcp = readTcp(endpoint);
    if (tcp !== null && !signal.aborted && isAddress(tcp.host)) yield* nearby(endpoint, tcp, 'publisher', patience);
  }
  const replay = source.replay === null ? null : rankEndpoint(source.replay, rank);
  if (reached !== null && replay !== null && isRouter(reached.peer) && (await publishes(replay, patience))) {
    yield find('ports-swapped', endpoint, `a ROUTER answers here, and a publisher at ${replay}`, { facts: { replay } });
    return;
  }
  const sightings = new Sightings(source);
  if (reached !== null) yield* examinePublisher(source, { endpoint, reached, sightings }, patience);
  if (signal.aborted) return;
  if (replay !== null) yield* examineReplay(replay, newest(sightings), patience);
  else if (reached !== null) yield* findReplay(endpoint, reached, sightings, patience);
}

async function publishes(endpoint: string, patience: Approach): Promise<boolean> {
  const tcp = readTcp(endpoint);
  return tcp !== null && isPublisher(await peerAt({ host: bareHost(tcp.host), port: tcp.port }, patience));
}

interface Visit {
  readonly endpoint: string;
  readonly reached: Reached;
  readonly sightings: Sightings;
}

async function* examinePublisher(
  source: SourceConfig,
  { endpoint, reached, sightings }: Visit,
  patience: Approach,
): AsyncGenerator<Finding> {
  const { address, peer } = reached;
  if (peer !== null) yield asPublisher(endpoint, peer);
  if (!mayPublish(peer)) {
    if (address !== null) yield* nearby(endpoint, address, 'publisher', patience);
    return;
  }
  if (patience.wait === 0) return;
  const events = new SocketEvents();
  const socket = socketAt({ name: source.name, endpoint, mode: 'connect', security: source.security }, events.observe);
  try {
    await socket.open();
    await listen(socket, sightings, patience, true);
  } catch (error) {
    yield streamFinding('connection-lost', endpoint, messageOf(error));
  } finally {
    await socket.close();
  }
  yield* troublesOf(endpoint, source, events);
  yield* findingsOf(endpoint, sightings, source.topics);
  if (sightings.frames === 0 && !patience.signal.aborted) yield silent(endpoint, patience.wait);
}

/** Keys that do not fit show in the handshake only. */
function* troublesOf(endpoint: string, { security }: SourceConfig, { troubles }: SocketEvents): Generator<Finding> {
  for (const { reason, message } of troubles.values()) {
    yield security.mechanism === 'CURVE' && reason.startsWith('handshake')
      ? find('credentials-refused', endpoint, message, wrongCredentials(security))
      : streamFinding('connection-lost', endpoint, message);
  }
}

function silent(endpoint: string, wait: number): Finding {
  const seconds = wait / 1_000;
  return streamFinding('frames-none', endpoint, `connected, and no frame within ${seconds} s`, {
    facts: { waited_seconds: seconds },
  });
}

/** Without a replay endpoint in the configuration: the port beside that of the events is where it usually is. */
async function* findReplay(
  endpoint: string,
  { address, peer }: Reached,
  sightings: Sightings,
  patience: Approach,
): AsyncGenerator<Finding> {
  const tcp = readTcp(endpoint);
  if (address === null || tcp === null || peer === null || !mayPublish(peer)) return;
  const next = address.port + 1;
  const beside = next > 65_535 ? null : await peerAt({ host: address.host, port: next }, patience);
  const found = `tcp://${tcp.host}:${next}`;
  if (isPublisher(beside))
    yield streamFinding('more-ranks', endpoint, `a publisher answers at ${found}, too`, { facts: { port: next } });
  if (isRouter(beside)) {
    yield replayFinding('replay-none', endpoint, `no replay endpoint is configured, but one answers at ${found}`, {
      remedy: `set replay to ${found}`,
      facts: { found },
    });
    yield* examineReplay(found, newest(sightings), patience);
  } else yield replayFinding('replay-none', endpoint, 'no replay endpoint is configured');
}

/** The newest live number, where there is one sequence only. */
function newest({ streams }: Sightings): bigint | null {
  return streams.length === 1 ? (streams[0]?.last ?? null) : null;
}

function isAddress(host: string): boolean {
  return /^[\w.-]+$|^\[.*\]$/.test(host);
}
