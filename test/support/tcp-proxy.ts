import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** A TCP proxy on the loopback interface that can break connections in the ways networks do. */
export class TcpProxy {
  readonly port: number;
  readonly #target: number;
  readonly #server: Server;
  readonly #pairs = new Set<{ readonly sockets: readonly Socket[]; frozen: boolean }>();
  #swallows = false;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => this.#join(client));
  }

  /** Forwards to the port `target` of this machine, which need not be taken yet. */
  static async listen(target: number): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, target);
  }

  get endpoint(): string {
    return `tcp://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Resets all connections; new ones work. */
  cut(): void {
    for (const { sockets } of this.#pairs) for (const socket of sockets) socket.resetAndDestroy();
  }

  /** From now on nothing passes on the connections that exist, and nobody is told; new ones work. */
  freeze(): void {
    for (const pair of this.#pairs) pair.frozen = true;
  }

  /** While true new connections are accepted and nothing passes on them. */
  swallow(swallows: boolean): void {
    this.#swallows = swallows;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    const pair = { sockets: [client, server], frozen: this.#swallows };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (pair.frozen || to.destroyed || to.write(bytes)) return;
        from.pause();
        to.once('drain', () => from.resume());
      });
      from.on('error', () => from.destroy());
      from.on('close', () => {
        this.#pairs.delete(pair);
        // The other side of a frozen connection hears of nothing, the end included.
        if (!pair.frozen) to.destroy();
      });
    }
  }
}
