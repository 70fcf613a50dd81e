import { BlockList, isIP } from 'node:net';
import type { Stream } from '../core/stream.ts';
import { rankEndpoint } from './endpoint.ts';

/** Addresses `address`/`prefix`, both of one family. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

export interface ReplayTargetOptions {
  /**
   * Endpoint of rank 0, with `{pod_host}` or `{peer}` where it depends on the stream's pod or its publisher's address; null:
   * this source has no replay.
   */
  readonly replay: string | null;
  /** Where `{pod_host}` may point. */
  readonly allow: readonly Network[];
  /** As for the live socket: rank r is on port + r; with 1 the port is the same for every stream. */
  readonly dataParallelSize: number;
}

const ofPod = '{pod_host}';
const ofPeer = '{peer}';
const maxPort = 65_535;

/**
 * Where the publisher of a stream of one source answers replays. The function gives null where that is nowhere, or
 * where the stream's topic, which anybody may send, names no address inside the allowed networks. It keeps nothing.
 */
export function replayTarget(options: ReplayTargetOptions): (stream: Stream, peer: string | null) => string | null {
  const { replay, dataParallelSize } = options;
  if (replay === null) return () => null;
  const isAllowed = membership(options.allow);
  return ({ pod, rank }, peer) => {
    const offset = offsetOf(rank, dataParallelSize);
    if (offset === null) return null;
    // Nobody can claim another's address: it is the one that the connection came from.
    if (replay.includes(ofPeer)) return peer === null ? null : onPort(replay.replace(ofPeer, hostOf(peer)), offset);
    if (!replay.includes(ofPod)) return onPort(replay, offset);
    const address = pod === null ? null : addressOf(pod);
    if (address === null || !isAllowed(address)) return null;
    return onPort(replay.replace(ofPod, hostOf(address)), offset);
  };
}

function hostOf(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address;
}

/** The address in a pod id: `10.0.0.5`, `10.0.0.5:8000`, `fd00::7`, `[fd00::7]:8000`. A name could point anywhere: null. */
function addressOf(pod: string): string | null {
  const host = /^\[([^\]]*)\](?::\d+)?$/.exec(pod)?.[1] ?? /^([^:]*):\d+$/.exec(pod)?.[1] ?? pod;
  // Of an address with a zone, the zone would choose the network.
  return isIP(host) === 0 || host.includes('%') ? null : unmapped(host);
}

/**
 * `::ffff:10.0.0.5`, however it is written, is the IPv4 address 10.0.0.5: only networks of IPv4 may allow it, or `::/0`
 * would open all of IPv4 as well.
 */
function unmapped(address: string): string {
  if (isIP(address) !== 6) return address;
  const [, high, low] = /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(new URL(`http://[${address}]`).hostname) ?? [];
  if (high === undefined || low === undefined) return address;
  const octets = [high, low].flatMap((text) => [Number.parseInt(text, 16) >> 8, Number.parseInt(text, 16) & 0xff]);
  return octets.join('.');
}

function membership(networks: readonly Network[]): (address: string) => boolean {
  // One list for each family: Node.js takes IPv4 addresses for IPv6 ones where a network of IPv6 holds their mapped form.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const { address, prefix, family } of networks) {
    const plain = unmapped(address);
    // In the mapped form 96 bits are before those of IPv4; a network with fewer is one of IPv6.
    if (plain !== address && prefix >= 96) lists.ipv4.addSubnet(plain, prefix - 96, 'ipv4');
    else lists[family].addSubnet(address, prefix, family);
  }
  return (address) => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return lists[family].check(address, family);
  };
}

/** Null for a rank that the source does not have: payloads may claim any. */
function offsetOf(rank: string | null, dataParallelSize: number): number | null {
  if (rank === null || dataParallelSize === 1) return 0;
  const offset = /^\d{1,4}$/.test(rank) ? Number(rank) : dataParallelSize;
  return offset < dataParallelSize ? offset : null;
}

function onPort(endpoint: string, offset: number): string | null {
  const port = Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
  return offset > 0 && port + offset > maxPort ? null : rankEndpoint(endpoint, offset);
}
