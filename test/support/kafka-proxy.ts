import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** A TCP proxy before a Kafka broker that can be away, or lose answers after the broker has done what was asked. */
export class KafkaProxy {
  readonly port: number;
  /** Where the broker listens; set once that is known. */
  target = 0;
  /** How many answers to Produce requests are to be lost: the broker has appended, the client sees a reset. */
  losses = 0;
  /** The same for answers to EndTxn, which commits or aborts a transaction. */
  lostCommits = 0;
  /** EndTxn requests wait for this long before the broker gets them, ms. */
  commitDelay = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on('connection', (client) => this.#join(client));
  }

  static async listen(): Promise<KafkaProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP address');
    return new KafkaProxy(server, address.port);
  }

  /** Refuses connections and ends those there are. */
  async away(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  async back(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  #join(client: Socket): void {
    const broker = connect(this.target, '127.0.0.1');
    const requests = new Requests();
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    client.on('data', (bytes) => {
      requests.read(bytes);
      const delay = requests.last === endTransaction ? this.commitDelay : 0;
      if (delay === 0) broker.write(bytes);
      else setTimeout(() => broker.write(bytes), delay);
    });
    broker.on('data', (bytes) => {
      if (this.#isLost(requests.last)) client.resetAndDestroy();
      else client.write(bytes);
    });
  }

  #isLost(asked: number): boolean {
    if (asked === produce && this.losses > 0) this.losses -= 1;
    else if (asked === endTransaction && this.lostCommits > 0) this.lostCommits -= 1;
    else return false;
    return true;
  }
}

const produce = 0;
const endTransaction = 26;

/** Follows the requests of one connection: each has its length (int32) and what it asks for (int16) in front. */
class Requests {
  last = -1;
  #head = Buffer.alloc(0);
  #skip = 0;

  read(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      rest = rest.subarray(skipped);
      const wanted = 6 - this.#head.length;
      this.#head = Buffer.concat([this.#head, rest.subarray(0, wanted)]);
      rest = rest.subarray(wanted);
      if (this.#head.length < 6) return;
      this.#skip = this.#head.readInt32BE(0) - 2;
      this.last = this.#head.readInt16BE(4);
      this.#head = Buffer.alloc(0);
    }
  }
}
