import { BridgeError } from '../core/errors.ts';
import { checkEndpoint } from './endpoint.ts';

/** A name or an IPv4 address, or an IPv6 address in brackets with or without a zone. */
const plainAddress = /^tcp:\/\/(?:[\w.-]+|\[[\da-f:.]+(?:%[\w.-]+)?\]):\d+$/i;

/**
 * Stricter than for sources, because a part of the endpoint may come from a topic: libzmq's `tcp://local;remote:port`
 * and everything else that is not plainly one host and one port is refused. Throws `BridgeError` `BAD_ENDPOINT`.
 */
export function checkReplayEndpoint(endpoint: string): void {
  checkEndpoint(endpoint, 'connect');
  if (endpoint.startsWith('ipc://') || plainAddress.test(endpoint)) return;
  throw new BridgeError(
    'BAD_ENDPOINT',
    `replay endpoint ${endpoint} is not one host and one port: write it like tcp://10.0.0.7:5558 or tcp://[2001:db8::7]:5558`,
  );
}
