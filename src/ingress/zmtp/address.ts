import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** An address as the system gives it for a socket, IPv4 written as IPv4 also where the socket is one of IPv6. */
export function plainAddress(address: string | undefined): string | null {
  if (address === undefined) return null;
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** The host of an endpoint without the brackets of IPv6. */
export function bareHost(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

/**
 * The addresses to listen on for the host of an endpoint: `*`, an address, or the name of an interface, as libzmq has
 * it. Empty where it is none of these.
 */
export function listenAddresses(host: string): readonly string[] {
  const bare = bareHost(host);
  // Of IPv6, and with it all of IPv4.
  if (bare === '*') return ['::'];
  if (isIP(bare) !== 0) return [bare];
  const addresses = networkInterfaces()[bare] ?? [];
  return addresses.map(({ address, scopeid }) => (scopeid ? `${address}%${bare}` : address));
}
