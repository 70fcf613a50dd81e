import type { CaptureMeta } from '../../capture/meta.ts';
import type { CapturedPublisher } from '../../capture/publishers.ts';
import { ConfigError } from '../../core/errors.ts';
import { rankEndpoint, readTcp } from '../../ingress/endpoint.ts';
import type { EndpointTarget } from './options.ts';

/** Where one publisher of the capture publishes now. */
export interface Part {
  readonly publisher: CapturedPublisher;
  readonly endpoint: string;
  /** Address it connects from; null: any. */
  readonly from: string | null;
  readonly replay: string | null;
}

/** Sockets at once; libzmq has room for about a thousand. */
const maxPublishers = 200;

/**
 * Where each publisher of a capture publishes and answers replays. Several stay several: where they listen, each has a
 * port of its own, counted from the one given; where they connect to this machine, each has an address of its own
 * (127.0.0.1, 127.0.0.2 ...). Ranks of data-parallel engines that were captured on ports of their own keep them.
 */
export function stageOf(meta: CaptureMeta, publishers: readonly CapturedPublisher[], target: EndpointTarget): Part[] {
  if (publishers.length > 1 && target.bind && readTcp(target.endpoint) === null)
    throw new ConfigError(
      `${target.endpoint} has no port to count from, and the capture has ${publishers.length} publishers: use tcp://, or choose one with --topic`,
    );
  if (publishers.length > maxPublishers)
    throw new ConfigError(
      `the capture has ${publishers.length} publishers, more than the ${maxPublishers} that one replay can be: choose some with --topic`,
    );
  return target.bind ? listening(meta, publishers, target) : connecting(meta, publishers, target);
}

function listening(meta: CaptureMeta, publishers: readonly CapturedPublisher[], target: EndpointTarget): Part[] {
  const { endpoint, replay } = target;
  const count = publishers.length;
  checkDistance(endpoint, replay, count);
  const inOrder = publishers.toSorted((a, b) => rankOf(meta, a) - rankOf(meta, b));
  return inOrder.map((publisher, index) => ({
    publisher,
    endpoint: rankEndpoint(endpoint, index),
    from: null,
    replay: replay === null ? null : rankEndpoint(replay, index),
  }));
}

function connecting(meta: CaptureMeta, publishers: readonly CapturedPublisher[], target: EndpointTarget): Part[] {
  const isHere = hasOwnAddresses(target.endpoint);
  if (publishers.length > 1 && target.replay !== null && !isHere)
    throw new ConfigError(
      `--replay: ${publishers.length} publishers cannot all answer replays at the one address of this machine: choose one with --topic, ` +
        'or replay to a bridge on this machine (tcp://127.0.0.1:port)',
    );
  return publishers.map((publisher, index) => {
    const rank = rankOf(meta, publisher);
    const from = publishers.length > 1 && isHere ? ownAddress(index) : null;
    const replay = target.replay === null ? null : rankEndpoint(target.replay, rank);
    return {
      publisher,
      endpoint: rankEndpoint(target.endpoint.replace('//localhost:', '//127.0.0.1:'), rank),
      from,
      replay: from === null ? replay : at(replay, from),
    };
  });
}

/** By how much its port was above that of rank 0. */
function rankOf({ sources }: CaptureMeta, { source: name, endpoint }: CapturedPublisher): number {
  const source = sources.find((one) => one.name === name);
  if (source === undefined || source.dataParallelSize === 1) return 0;
  const offset = (readTcp(endpoint)?.port ?? 0) - (readTcp(source.endpoint)?.port ?? 0);
  return offset >= 0 && offset < source.dataParallelSize ? offset : 0;
}

function checkDistance(endpoint: string, replay: string | null, count: number): void {
  const [first, second] = [endpoint, replay ?? ''].map((text) => readTcp(text)?.port ?? 0);
  if (!first || !second || Math.abs(first - second) >= count) return;
  throw new ConfigError(
    `--replay ${replay} and ${endpoint} share ports: ${count} publishers take as many from each on, so put them at least ${count} apart`,
  );
}

/** Every address of 127.0.0.0/8 is this machine's own. */
function hasOwnAddresses(endpoint: string): boolean {
  const { host = '' } = readTcp(endpoint) ?? {};
  return host === 'localhost' || /^127(\.\d+){3}$/.test(host);
}

function ownAddress(index: number): string {
  return `127.0.0.${index + 1}`;
}

function at(replay: string | null, address: string): string | null {
  const port = replay === null ? undefined : readTcp(replay)?.port;
  return port === undefined ? replay : `tcp://${address}:${port}`;
}
