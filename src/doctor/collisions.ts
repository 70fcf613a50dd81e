import type { SourceConfig } from '../config/config.ts';
import type { Finding } from '../core/finding.ts';
import { readTcp } from '../ingress/endpoint.ts';
import { bareHost } from '../ingress/zmtp/address.ts';
import type { Peer } from './greeting.ts';
import { peerAt } from './neighbours.ts';
import type { Approach } from './patience.ts';
import { streamFinding as find } from './stream-findings.ts';

/** Whether ranks of one engine publish where others of them answer replays: the usual 5557 and 5558 do from two ranks on. */
export async function* examineRanks(source: SourceConfig, patience: Approach): AsyncGenerator<Finding> {
  const shared = sharedPorts(source);
  const [first] = shared;
  if (first === undefined) return;
  const { endpoint, replay, dataParallelSize } = source;
  const host = bareHost(readTcp(endpoint)?.host ?? '');
  const answers: string[] = [];
  for (const port of shared.slice(0, 4)) {
    const peer = await peerAt({ host, port }, patience);
    answers.push(`${port}: ${kindOf(peer)}`);
  }
  const ports = shared.length === 1 ? `port ${first}` : `ports ${first} to ${shared.at(-1)}`;
  yield find(
    'ranks-collide',
    endpoint,
    `with ${dataParallelSize} ranks, events (from ${endpoint} up) and replay (from ${replay} up) share ${ports}; there answers ${answers.join(', ')}`,
    { facts: { ports: shared, answers } },
  );
}

function sharedPorts({ endpoint, replay, dataParallelSize, mode }: SourceConfig): readonly number[] {
  const [events, replays] = [readTcp(endpoint), replay === null ? null : readTcp(replay)];
  // Engines that dial in publish on no port of theirs.
  if (mode === 'bind' || events === null || replays === null || events.host !== replays.host) return [];
  const first = Math.max(events.port, replays.port);
  const last = Math.min(events.port, replays.port) + dataParallelSize - 1;
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

function kindOf(peer: Peer | null): string {
  if (peer === null) return 'nobody';
  return peer.kind === 'zmq' ? `a ${peer.type}` : 'something else';
}
