import { isIP } from 'node:net';
import type { Network, SourceConfig } from './config.ts';
import { describePorts, overlaps, portsAt, readEndpoint } from './endpoint.ts';
import { shownEndpoint } from './mask.ts';
import type { Problems } from './problems.ts';
import { speaksZmtp } from './transport.ts';

const ofPod = '{pod_host}';
const ofPeer = '{peer}';

/** The networks of `replay.allow`; what is no network goes to the problems. */
export function readNetworks(texts: readonly string[], origin: string, problems: Problems): readonly Network[] {
  return texts.flatMap((text) => {
    const network = readNetwork(text);
    if (typeof network !== 'string') return [network];
    problems.add('replay.allow', `${JSON.stringify(text.slice(0, 100))} ${network}`, origin);
    return [];
  });
}

function readNetwork(text: string): Network | string {
  const [address = '', digits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || rest.length > 0)
    return 'is no network: write address/prefix such as 10.0.0.0/8 or fd00::/8';
  const bits = version === 6 ? 128 : 32;
  if (digits === undefined) return `has no prefix: write ${address}/${bits} for this one address`;
  if (!/^(?:0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > bits)
    return `has the prefix ${JSON.stringify(digits)}: must be from 0 to ${bits}`;
  return { address, prefix: Number(digits), family: version === 6 ? 'ipv6' : 'ipv4' };
}

/** What is wrong with a source's replay endpoint and what to write instead; null where nothing is. */
export function complaintAboutReplay(source: SourceConfig, hasNetworks: boolean): string | null {
  const { replay } = source;
  if (replay === null) return null;
  const complaint =
    complaintAboutTemplate(replay, source, hasNetworks) ?? complaintAboutEndpoint(replay, source) ?? null;
  return complaint === null ? null : `${shownEndpoint(replay)} ${complaint}`;
}

function complaintAboutTemplate(replay: string, source: SourceConfig, hasNetworks: boolean): string | null {
  const [placeholder, ...others] = replay.match(/\{[^{}]*\}/g) ?? [];
  if (placeholder === undefined) return null;
  const unknown = [placeholder, ...others].filter((one) => one !== ofPod && one !== ofPeer);
  if (unknown.length > 0)
    return `has the unknown placeholder ${unknown.join(', ')}: ${ofPod} and ${ofPeer} are the only ones`;
  if (!/^tcp:\/\/\{[^{}]*\}:[^{}]*$/.test(replay))
    return `must have ${placeholder} as its whole host: tcp://${placeholder}:5558`;
  if (source.mode === 'connect')
    return `is a template, which is only for sources that engines dial in to: write this engine's own replay endpoint, tcp://host:port`;
  if (placeholder === ofPeer && !speaksZmtp(source))
    return `needs the address that the engine dials in from, which libzmq does not tell: use ${ofPod}, or the transport zmtp`;
  return hasNetworks || placeholder === ofPeer
    ? null
    : `depends on topics, which anybody may send: list the networks of the engines in replay.allow, such as 10.0.0.0/8`;
}

function complaintAboutEndpoint(replay: string, source: SourceConfig): string | null {
  const { mode, endpoint, dataParallelSize } = source;
  const target = readEndpoint(replay.replace(ofPod, 'pod_host').replace(ofPeer, 'peer'), 'connect');
  if (typeof target === 'string') return target;
  if (target.transport === 'ipc')
    return dataParallelSize > 1 ? 'has no port to count ranks on: use tcp:// or one source per rank' : null;
  const last = target.port + dataParallelSize - 1;
  if (last > 65_535) return `with dataParallelSize ${dataParallelSize} needs ports up to ${last}: 65535 is the last`;
  if (mode === 'bind') return null;
  return dataParallelSize === 1 && replay.toLowerCase() === endpoint.toLowerCase()
    ? 'is where the events come from: the replay socket has a port of its own'
    : null;
}

/** What an engine can hardly have meant: data-parallel ranks whose replay ports are other ranks' publishing ports. */
export function doubtsAboutReplay({ name, mode, endpoint, replay, dataParallelSize }: SourceConfig): readonly string[] {
  if (replay === null || mode === 'bind' || dataParallelSize === 1) return [];
  const published = portsAt(endpoint, dataParallelSize, 'the events');
  const replayed = portsAt(replay, dataParallelSize, 'replay');
  if (published === null || replayed === null || overlaps([published, replayed], false).length === 0) return [];
  return [
    `source ${name}: with ${dataParallelSize} data-parallel ranks replay takes ${describePorts(replayed)}, but the events come from ` +
      `${describePorts(published)}: rank r adds r to both, so the two should be at least ${dataParallelSize} apart, here and in the engine`,
  ];
}
