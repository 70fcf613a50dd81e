import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';

/** ZMTP 3.0 greeting with the mechanism NULL, as server false. */
function greeting(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write('NULL', 12, 'latin1');
  return bytes;
}

const property = (name: string, value: string) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value)]);
};

function ready(): Buffer {
  const body = Buffer.concat([Buffer.from('\x05READY'), property('Socket-Type', 'PUB'), property('Identity', '')]);
  return Buffer.concat([Buffer.from([0x04, body.length]), body]);
}

/**
 * A PUB socket that does as go-zeromq's (v0.17.0): it takes ZMTP connections, reads what comes and answers no PING. Its
 * messages go to every connection that has subscribed.
 */
export class MutePublisher {
  readonly endpoint: string;
  readonly #server: Server;
  readonly #sockets = new Map<Socket, { subscribed: boolean }>();

  private constructor(server: Server) {
    this.#server = server;
    this.endpoint = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => this.#join(socket));
  }

  static async listen(): Promise<MutePublisher> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new MutePublisher(server);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  send(...parts: string[]): void {
    const frames = parts.map((part, index) => {
      const body = Buffer.from(part);
      return Buffer.concat([Buffer.from([index < parts.length - 1 ? 1 : 0, body.length]), body]);
    });
    for (const [socket, { subscribed }] of this.#sockets) if (subscribed) socket.write(Buffer.concat(frames));
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets.keys()) socket.destroy();
    await once(this.#server, 'close');
  }

  #join(socket: Socket): void {
    const state = { subscribed: false };
    this.#sockets.set(socket, state);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write(greeting());
    let received = Buffer.alloc(0);
    let greeted = false;
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      if (!greeted && received.length >= 64) {
        greeted = true;
        received = received.subarray(64);
        socket.write(ready());
      }
      // A subscription is a message of one frame that begins with 1.
      for (; greeted && received.length >= 2; received = received.subarray(2 + (received[1] ?? 0))) {
        if (received.length < 2 + (received[1] ?? 0)) break;
        if (received[0] === 0 && received[2] === 1) state.subscribed = true;
      }
    });
  }
}
