import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { codeOf } from '../../core/errors.ts';

export interface AcceptorEvents {
  readonly onSocket: (socket: Socket) => void;
  /** One connection could not be accepted; listening goes on. */
  readonly onError: (error: Error) => void;
}

/** Listens on one port of one or more addresses. */
export class Acceptor {
  readonly #events: AcceptorEvents;
  readonly #servers: Server[] = [];

  constructor(events: AcceptorEvents) {
    this.#events = events;
  }

  /** The port; where 0 is asked for, the one that the system chose. Rejects with the system's error, and listens nowhere then. */
  async listen(addresses: readonly string[], port: number): Promise<number> {
    let chosen = port;
    try {
      for (const address of addresses) chosen = await this.#listenOn(address, chosen);
    } catch (error) {
      await this.close();
      throw error;
    }
    return chosen;
  }

  /** The port is free again when it resolves; connections are not touched, and it waits for their end. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #listenOn(address: string, port: number): Promise<number> {
    const server = createServer(this.#events.onSocket);
    try {
      server.listen({ host: address, port });
      await once(server, 'listening');
    } catch (error) {
      // A kernel without IPv6.
      if (address === '::' && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error) ?? '')) {
        return this.#listenOn('0.0.0.0', port);
      }
      throw error;
    }
    server.on('error', this.#events.onError);
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }
}
