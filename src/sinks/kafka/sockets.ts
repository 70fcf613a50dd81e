import type { Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { connect as connectTls } from 'node:tls';
import { readSparingly, sharedBuffer } from '../../core/socket-reads.ts';

/** How kafkajs asks for a connection. */
export interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | null;
  readonly onConnect: () => void;
}

/**
 * The sockets of one kafkajs client. kafkajs cannot be stopped in the middle of its retries: what it still holds after
 * `cut` is dead, and it gets no new ones, so an abandoned producer cannot write behind its successor's back.
 */
export class Sockets {
  readonly #open = new Set<Socket>();
  readonly #shared = sharedBuffer();
  #cut = false;

  readonly create = (request: SocketRequest): Socket => {
    if (this.#cut) throw new Error('this client was given up');
    const { host, port, ssl, onConnect } = request;
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket =
      ssl !== null ? connectTls({ host, port, ...name, ...ssl }, onConnect) : connect({ host, port }, onConnect);
    socket.once('connect', () => readSparingly(socket, this.#shared));
    socket.setKeepAlive(true, 30_000);
    socket.setNoDelay(true);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  /** Ends all connections at once and refuses further ones. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#open) socket.destroy(new Error('this client was given up'));
  }
}
