import { lookup } from 'node:dns/promises';
import { access } from 'node:fs/promises';
import { isIP, isIPv6 } from 'node:net';
import { codeOf } from '../core/errors.ts';
import type { Finding } from '../core/finding.ts';
import { readTcp } from '../ingress/endpoint.ts';
import { bareHost } from '../ingress/zmtp/address.ts';
import type { Address, DialFailure, Dialled } from './dial.ts';
import { dial } from './dial.ts';
import { endpointFinding as find } from './endpoint-findings.ts';
import type { Peer } from './greeting.ts';
import { greet } from './greeting.ts';
import type { Approach } from './patience.ts';
import { unlessAborted } from './patience.ts';

/** The first address of an endpoint that takes a connection, and who answers there; null for ipc, where nobody can tell. */
export interface Reached {
  readonly address: Address | null;
  readonly peer: Peer | null;
}

const maxAddresses = 16;

/** Resolves the name and connects, telling each step. Returns null where nothing can be reached: the findings say why. */
export async function* reach(endpoint: string, patience: Approach): AsyncGenerator<Finding, Reached | null> {
  if (endpoint.startsWith('ipc://')) return yield* reachPath(endpoint);
  const tcp = readTcp(endpoint);
  if (tcp === null) return null;
  const host = bareHost(tcp.host);
  const isName = isIP(host) === 0;
  const addresses = isName ? yield* resolve(endpoint, host, patience) : [host];
  const dialled = await Promise.all(
    addresses.slice(0, maxAddresses).map(async (one) => ({
      address: { host: one, port: tcp.port },
      result: await dial({ host: one, port: tcp.port }, patience),
    })),
  );
  if (isName && addresses.length > 0 && !patience.signal.aborted)
    yield resolved(endpoint, host, { addresses, dialled });
  const [open, ...others] = dialled.flatMap(({ address, result }) =>
    result.ok ? [{ address, socket: result.socket }] : [],
  );
  for (const { socket } of others) socket.destroy();
  if (open === undefined) {
    const results = dialled.map(({ result }) => result);
    if (results.length > 0 && !patience.signal.aborted) yield notConnected(endpoint, results);
    return null;
  }
  try {
    return { address: open.address, peer: await greet(open.socket, open.address, patience) };
  } finally {
    open.socket.destroy();
  }
}

async function* reachPath(endpoint: string): AsyncGenerator<Finding, Reached | null> {
  const path = endpoint.slice('ipc://'.length);
  try {
    await access(path);
    return { address: null, peer: null };
  } catch (error) {
    yield find('ipc-missing', endpoint, `${path} is not there (${codeOf(error) ?? 'unknown'})`);
    return null;
  }
}

async function* resolve(
  endpoint: string,
  host: string,
  { answer, signal }: Approach,
): AsyncGenerator<Finding, readonly string[]> {
  try {
    const slow = AbortSignal.any([signal, AbortSignal.timeout(answer)]);
    const found = await unlessAborted(lookup(host, { all: true }), slow);
    if (found === null) {
      if (!signal.aborted) yield find('name-unknown', endpoint, `no answer for the name ${host} within ${answer} ms`);
      return [];
    }
    return [...new Set(found.map(({ address }) => address))];
  } catch (error) {
    yield find('name-unknown', endpoint, `the name ${host} does not resolve (${codeOf(error) ?? 'unknown'})`);
    return [];
  }
}

interface Tried {
  readonly addresses: readonly string[];
  readonly dialled: readonly { readonly address: Address; readonly result: Dialled }[];
}

const outcomes: Readonly<Record<DialFailure, string>> = {
  refused: 'refused',
  silent: 'no answer',
  unreachable: 'no way there',
  other: 'no connection',
  aborted: 'not tried',
};

/**
 * One address of each family is one machine as a rule; several of one family are several. Of several each is told, and
 * whether it takes connections: an engine often listens on one family only, and one of many pods may be gone.
 */
function resolved(endpoint: string, host: string, { addresses, dialled }: Tried): Finding {
  const six = addresses.filter((one) => isIPv6(one)).length;
  const many = Math.max(six, addresses.length - six);
  const tried = new Map(
    dialled.map(({ address, result }) => [address.host, result.ok ? 'open' : outcomes[result.failure]]),
  );
  const facts = { name: host, addresses, outcomes: Object.fromEntries(tried) };
  const list = addresses.map((one) => `${one} (${tried.get(one) ?? 'not tried'})`).join(', ');
  if (many > 1) return find('name-many', endpoint, `${host} has ${addresses.length} addresses: ${list}`, { facts });
  return find('name-resolved', endpoint, `${host} is ${addresses.length === 1 ? addresses[0] : list}`, { facts });
}

const codes: Readonly<Record<Exclude<DialFailure, 'aborted'>, Parameters<typeof find>[0]>> = {
  refused: 'port-closed',
  silent: 'port-silent',
  unreachable: 'host-unreachable',
  other: 'host-unreachable',
};

function notConnected(endpoint: string, dialled: readonly Dialled[]): Finding {
  const failures = dialled.map((result) => (result.ok || result.failure === 'aborted' ? 'silent' : result.failure));
  const [failure = 'silent'] = failures;
  const code = dialled.flatMap((result) => (result.ok ? [] : [result.code]))[0] ?? 'UNKNOWN';
  const isMixed = failures.some((one) => one !== failure);
  const where = dialled.length > 1 ? ` at any of its ${dialled.length} addresses` : '';
  const messages = {
    refused: `the connection is refused${where}: nobody listens on that port (${code})`,
    silent: `no answer to the attempt to connect${where} (${code})`,
    unreachable: `no way to that host${where} (${code})`,
    other: `no connection${where} (${code})`,
  };
  const message = isMixed ? `no connection${where}` : messages[failure];
  return find(codes[failure], endpoint, message, { facts: { error: code } });
}
