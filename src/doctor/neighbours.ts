import type { Finding } from '../core/finding.ts';
import type { Address } from './dial.ts';
import { dial } from './dial.ts';
import { endpointFinding as find } from './endpoint-findings.ts';
import type { Peer } from './greeting.ts';
import { greet } from './greeting.ts';
import type { Approach } from './patience.ts';
import { isPublisher, isRouter } from './peer-findings.ts';

/** The usual ports of events and of replay, which people mix up. */
const usual = [5_556, 5_557, 5_558];
const shortly = 1_000;

export async function peerAt(address: Address, patience: Approach): Promise<Peer | null> {
  const brief = { ...patience, answer: Math.min(patience.answer, shortly) };
  const dialled = await dial(address, brief);
  if (!dialled.ok) return null;
  try {
    return await greet(dialled.socket, address, brief);
  } finally {
    dialled.socket.destroy();
  }
}

/** Publishers, or replay sockets, on ports beside one where there is something else or nothing. */
export async function* nearby(
  subject: string,
  { host, port }: Address,
  wanted: 'publisher' | 'router',
  patience: Approach,
): AsyncGenerator<Finding> {
  const near = [port - 1, port + 1];
  const ports = usual.includes(port) ? [...new Set([...near, ...usual])] : near;
  const others = ports.filter((one) => one !== port && one > 0 && one < 65_536);
  const peers = await Promise.all(
    others.map(async (one) => [one, await peerAt({ host, port: one }, patience)] as const),
  );
  for (const [other, peer] of peers) {
    const facts = { port: other };
    const where = host.includes(':') ? `tcp://[${host}]:${other}` : `tcp://${host}:${other}`;
    if (wanted === 'publisher' && isPublisher(peer))
      yield find('publisher-nearby', subject, `a publisher answers at ${where}`, { facts });
    if (wanted === 'router' && isRouter(peer))
      yield find('router-nearby', subject, `a replay socket answers at ${where}`, { facts });
  }
}
