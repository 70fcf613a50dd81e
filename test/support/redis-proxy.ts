import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** What becomes of an answer that does not get through: the client's connection is cut, or stays open and silent. */
export type Loss = 'cut' | 'silence';

/**
 * Stands between a client and a server and can swallow what the server answers, after the server has executed it. It knows
 * no protocol: a client that waits for each answer gets one piece of bytes per answer, unless answers are very large.
 */
export class RedisProxy {
  readonly port: number;
  /** Answers that were swallowed. */
  lost = 0;
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Answers still to come before one is swallowed; none is while this is null. */
  #countdown: number | null = null;
  #loss: Loss = 'cut';
  #hold: ((release: () => void) => void) | null = null;

  private constructor(server: Server, port: number, target: number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on('connection', (client) => this.#join(client));
  }

  static async listen(target: number): Promise<RedisProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP address');
    return new RedisProxy(server, address.port, target);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Swallows one answer: the next, or that behind the next `after`. */
  loseAnswer(after = 0, loss: Loss = 'cut'): void {
    this.#countdown = after;
    this.#loss = loss;
  }

  /** Keeps the next answer back; resolves when it has come, with what lets it through. */
  holdAnswer(): Promise<() => void> {
    return new Promise((resolve) => {
      this.#hold = resolve;
    });
  }

  /** Swallows nothing any more. */
  getThrough(): void {
    this.#countdown = null;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    let isSilent = false;
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => {
      if (isSilent) return;
      if (this.#hold !== null) {
        this.#hold(() => client.write(bytes));
        this.#hold = null;
        return;
      }
      if (this.#countdown === null || this.#countdown-- > 0) {
        client.write(bytes);
        return;
      }
      this.#countdown = null;
      this.lost += 1;
      if (this.#loss === 'cut') client.resetAndDestroy();
      else isSilent = true;
    });
  }
}
